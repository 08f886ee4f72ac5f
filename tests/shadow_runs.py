"""Shadows played many times: encounters by class and region, and which of them differ."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schemas.catalogue import CATALOGUE
from streams.rollout.boundaries import Ints, harm_boundary

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Shadowed:
    """A shadow's encounters in one stratum.

    Attributes:
        rate: Share of all encounters that differ; limit: the share that may.
        lost: Share of the encounters of class 0 that differ; None: as all others.
        variance: Of the devices' own rates, by which encounters cluster; the mean is 1.
    """

    rate: float = 0.1
    limit: float = 0.1
    alpha: float = 0.01
    strata: int = 3
    encounters: int = 1_000
    devices: int = 50
    classes: int = 16
    lost: float | None = None
    variance: float = 0.0

    def stopped(self, rng: np.random.Generator, runs: int) -> Bools:
        """Runs in which a class or region of any stratum was ever seen to differ."""
        stopped = np.zeros(runs, dtype=np.bool_)
        for stratum in range(self.strata):
            stopped |= self._stratum(rng, runs, None if stratum else self.lost)
        return stopped

    def _stratum(self, rng: np.random.Generator, runs: int, lost: float | None) -> Bools:
        shape = (runs, self.encounters)
        regions = len(CATALOGUE.regions)
        classes = rng.integers(self.classes, size=shape)
        devices = rng.integers(self.devices, size=shape)
        rates = self.rate * self._frailties(rng, runs)
        chances = np.take_along_axis(np.minimum(rates, 1.0), devices, axis=1)
        if lost is not None:
            chances = np.where(classes == 0, lost, chances)
        differing = rng.random(shape) < chances
        log_harm = np.log((self.classes + regions + 1) * self.strata / self.alpha)
        boundary = harm_boundary(self.encounters, self.limit, float(log_harm))
        stopped = np.zeros(runs, dtype=np.bool_)
        for kinds, count in ((classes, self.classes), (devices % regions, regions)):
            for kind in range(count):
                stopped |= _ever(kinds == kind, differing, boundary)
        return stopped

    def _frailties(self, rng: np.random.Generator, runs: int) -> npt.NDArray[np.float64]:
        size = (runs, self.devices)
        if not self.variance:
            return np.ones(size)
        return rng.gamma(1 / self.variance, self.variance, size)


def _ever(here: Bools, differing: Bools, boundary: Ints) -> Bools:
    seen = np.cumsum(here, axis=1, dtype=np.int16)
    bad = np.cumsum(here & differing, axis=1, dtype=np.int16)
    crossed: Bools = np.any(bad >= boundary[seen], axis=1)
    return crossed
