"""Whole rollouts of one wave by Monte-Carlo, all runs at once, read at every step."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from streams.rollout.boundaries import Ints

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Delay = Callable[[np.random.Generator, Bools], Floats]
"""Seconds from accepting to a known outcome, float64[runs, devices], by what the outcome is."""

ACCEPTING_S: Final = 600.0
TIMEOUT_S: Final = 3_600.0
_FAR: Final = 1e7  # beyond every time that matters: rows are laid end to end so far apart


def no_delay(_: np.random.Generator, failed: Bools) -> Floats:
    """Outcomes are known at once."""
    return np.zeros(failed.shape)


def failures_first(_: np.random.Generator, failed: Bools) -> Floats:
    """As in life: what breaks breaks soon, what works is watched first."""
    return np.where(failed, 3.0, 30.0)


def successes_first(_: np.random.Generator, failed: Bools) -> Floats:
    """Failures are told when everything else is over."""
    return np.where(failed, 600.0, 30.0)


def heavy_tail(rng: np.random.Generator, failed: Bools) -> Floats:
    """Some outcomes are as good as never told: the mean is infinite."""
    return 10 * rng.pareto(0.8, failed.shape)


def by_region(rng: np.random.Generator, failed: Bools) -> Floats:
    """Eight regions, each heard of at a time of its own, and failures earlier than successes."""
    runs, devices = failed.shape
    lag = rng.exponential(300, (runs, 8))
    region = rng.integers(0, 8, (runs, devices))
    return np.take_along_axis(lag, region, axis=1) + np.where(failed, 3.0, 30.0)


DELAYS: Final[Mapping[str, Delay]] = {
    "none": no_delay,
    "failures first": failures_first,
    "successes first": successes_first,
    "heavy tail": heavy_tail,
    "by region": by_region,
}


@dataclass(frozen=True)
class Runs:
    """Independent rollouts.

    Attributes:
        accepted: float64[runs, devices], when each device accepted, rising; infinite: never.
        decided: float64[runs, devices], when its outcome was known.
        failed: bool[runs, devices], the outcome.
    """

    accepted: Floats
    decided: Floats
    failed: Bools

    def ever_harm(self, boundary: Ints) -> Bools:
        """In which runs the known failures ever reach the boundary of those that accepted."""
        at, accepted = self._known(self.failed)
        count = np.arange(1, at.shape[1] + 1)
        return _any(np.isfinite(at) & (count >= boundary[accepted]))

    def harm_after(self, boundary: Ints, acknowledged: int) -> Bools:
        """In which runs harm is found anew after a person let it go on at so many failures.

        Those are not under test any more; all others are, whether or not they were good by then.
        """
        at, accepted = self._known(self.failed)
        count = np.arange(1, at.shape[1] + 1) - acknowledged
        under_test = np.maximum(accepted - acknowledged, 0)
        return _any(np.isfinite(at) & (count > 0) & (count >= boundary[under_test]))

    def ever_proven(self, boundary: Ints) -> Bools:
        """In which runs those not known to be good are ever few enough."""
        at, accepted = self._known(~self.failed)
        count = np.arange(1, at.shape[1] + 1)
        return _any(np.isfinite(at) & (accepted - count < boundary[accepted]))

    def _known(self, which: Bools) -> tuple[Floats, Ints]:
        """When each of the outcomes was known, rising, and how many had accepted by then."""
        at = np.sort(np.where(which, self.decided, np.inf), axis=1)
        ends = _FAR * np.arange(len(at))[:, None]
        begun = (np.minimum(self.accepted, _FAR / 2) + ends).ravel()
        asked = (np.minimum(at, _FAR / 4) + ends).ravel()
        found = np.searchsorted(begun, asked, side="right").reshape(at.shape)
        return at, found - at.shape[1] * np.arange(len(at))[:, None]


def _any(steps: Bools) -> Bools:
    """In which runs it is so at any step."""
    seen: Bools = np.logical_or.reduce(steps, axis=1)
    return seen


def rollouts(
    rng: np.random.Generator,
    rate: float,
    delay: Delay,
    *,
    runs: int,
    devices: int,
    refusing: float = 0.0,
    mute: float = 0.0,
) -> Runs:
    """Draw rollouts whose devices fail independently.

    Args:
        rng: The seeded source of chance.
        rate: Chance of failing.
        delay: When outcomes are told.
        runs: How many rollouts.
        devices: Devices of each.
        refusing: Share of the devices that never accept.
        mute: Share of those that do and are not heard of again: failed once their time is over.
    """
    shape = (runs, devices)
    accepted = rng.uniform(0, ACCEPTING_S, shape)
    if refusing:
        accepted[rng.random(shape) < refusing] = np.inf
    accepted.sort(axis=1)
    failed = rng.random(shape) < rate
    decided = accepted + delay(rng, failed)
    if mute:
        silent = rng.random(shape) < mute
        decided = np.where(silent, accepted + TIMEOUT_S, decided)
        failed |= silent
    return Runs(accepted, decided, failed)
