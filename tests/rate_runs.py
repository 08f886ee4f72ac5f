"""Weeks of driving by Monte-Carlo: events of devices on a release and of those on its parent."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from streams.rollout.rates import Windows, log_e_rate_harm, log_e_rate_safe

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
DAYS: Final = 40


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """A stratum that is opened to a release over some weeks.

    Attributes:
        ratio: Rate of the release by that of the parent.
        daily: Events a day of the whole stratum, were it all on the parent.
        devices: Devices; each has at most one event a day that counts, unless `capped` is off.
        frailty: Variance of the devices' own rates around 1; 0: all alike.
        shares: Share of the devices on the release, float64[days].
    """

    ratio: float = 1.0
    daily: float = 16.0
    devices: int = 1_000
    frailty: float = 0.0
    capped: bool = True
    shares: Floats

    def windows(self, rng: np.random.Generator, runs: int) -> Windows:
        """Draw `runs` histories, float64[runs, days] each."""
        days = len(self.shares)
        run, device, day = self._events(rng, runs)
        place = (device + 0.5) / self.devices
        candidate = place < self.shares[day]
        kept = rng.random(len(run)) * max(self.ratio, 1.0) < np.where(candidate, self.ratio, 1.0)
        cells = (run * days + day)[kept]
        chosen = candidate[kept]
        if self.capped:
            first = np.unique(cells * self.devices + device[kept], return_index=True)[1]
            cells, chosen = cells[first], chosen[first]
        exposure = np.round(self.devices * self.shares)
        shape, size = (runs, days), runs * days
        return Windows(
            exposure=np.broadcast_to(exposure, shape),
            control_exposure=np.broadcast_to(self.devices - exposure, shape),
            events=np.bincount(cells[chosen], minlength=size).reshape(shape).astype(np.float64),
            control_events=np.bincount(cells[~chosen], minlength=size)
            .reshape(shape)
            .astype(np.float64),
        )

    def _events(
        self, rng: np.random.Generator, runs: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Run, device and day of every event, were all on the worse of the two models."""
        days, shape = len(self.shares), (runs, self.devices)
        each = self.daily * days / self.devices * max(self.ratio, 1.0)
        own = rng.gamma(1 / self.frailty, self.frailty, shape) if self.frailty else np.ones(shape)
        count = rng.poisson(each * own).ravel()
        where = np.repeat(np.arange(runs * self.devices), count)
        return where // self.devices, where % self.devices, rng.integers(0, days, len(where))


def ramp(first: float, last: float, days: int = DAYS) -> Floats:
    """A share that grows evenly."""
    return np.linspace(first, last, days)


def harm(windows: Windows, log_threshold: float) -> tuple[Bools, float | None]:
    """In which runs harm is ever seen, and the median day of those."""
    return _ever(log_e_rate_harm(windows), log_threshold)


def safe(windows: Windows, margin: float, log_threshold: float) -> tuple[Bools, float | None]:
    """In which runs safety is ever proven, and the median day of those."""
    return _ever(log_e_rate_safe(windows, margin), log_threshold)


def _ever(path: Floats, log_threshold: float) -> tuple[Bools, float | None]:
    crossed = path >= log_threshold
    seen: Bools = np.logical_or.reduce(crossed, axis=1)
    days = np.argmax(crossed, axis=1)[seen] + 1
    return seen, float(np.median(days)) if len(days) else None
