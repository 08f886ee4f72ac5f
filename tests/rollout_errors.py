"""The table of the gate's errors: what each row draws, and what it may and must find.

Each row is a function of a seeded source of chance and a number of runs, so the suite plays it once
and `make soak NAME=rollout_errors` many times.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from streams.rollout.boundaries import Ints, harm_boundary, unproven_boundary
from streams.rollout.policy import Policy
from tests.rate_runs import Fleet, harm, ramp, safe
from tests.rollout_runs import DELAYS, Bools, Delay, no_delay, rollouts
from tests.shadow_runs import Shadowed

DEVICES: Final = 500
POLICY: Final = Policy(ceiling=0.02)
RAMP: Final = ramp(0.05, 0.5)
MARGIN: Final = 1.25
ACKNOWLEDGED: Final = 1
"""Failures that a person has seen who lets a release go on."""
STRATA: Final = 4
TESTS: Final = 3


@dataclass(frozen=True)
class Found:
    """Shares of the runs, and the median day on which harm of a rate was seen."""

    rolled_back: float
    proven: float
    median_day: float | None = None


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of the table.

    Attributes:
        draw: Plays so many runs.
        most_back: At most this share may be ordered back.
        least_back: At least this share must be.
        most_proven: At most this share may be proven safe.
    """

    name: str
    draw: Callable[[np.random.Generator, int], Found]
    most_back: float = 1.0
    least_back: float = 0.0
    most_proven: float = 1.0

    def broken(self, found: Found, runs: int) -> bool:
        """Whether a promise is broken by more than three standard deviations of counting."""
        return (
            found.rolled_back > allowed(self.most_back, runs)
            or found.rolled_back < 1 - allowed(1 - self.least_back, runs)
            or found.proven > allowed(self.most_proven, runs)
        )


def allowed(promised: float, runs: int) -> float:
    """A promised rate, and three standard deviations of counting."""
    return promised + 3 * math.sqrt(promised * (1 - promised) / runs)


def bounds(strata: int = 1, tests: int = 1) -> tuple[Ints, Ints]:
    """Boundaries of harm and of proof for one stratum."""
    log_harm = POLICY.log_harm(strata, tests)
    return (
        harm_boundary(DEVICES, POLICY.ceiling, log_harm),
        unproven_boundary(DEVICES, POLICY.ceiling, POLICY.log_safe),
    )


def one_wave(
    rate: float, delay: Delay, *, refusing: float = 0.0, mute: float = 0.0
) -> Callable[[np.random.Generator, int], Found]:
    """One stratum, one test of a share."""

    def draw(rng: np.random.Generator, runs: int) -> Found:
        found = rollouts(rng, rate, delay, runs=runs, devices=DEVICES, refusing=refusing, mute=mute)
        at_harm, at_proof = bounds()
        back, proven = found.ever_harm(at_harm), found.ever_proven(at_proof)
        return Found(float(back.mean()), float(proven.mean()))

    return draw


def resumed(rate: float, delay: Delay) -> Callable[[np.random.Generator, int], Found]:
    """A person lets it go on at a failure: what follows is tested anew."""

    def draw(rng: np.random.Generator, runs: int) -> Found:
        found = rollouts(rng, rate, delay, runs=runs, devices=DEVICES)
        back = found.harm_after(bounds()[0], ACKNOWLEDGED)
        return Found(float(back.mean()), 0.0)

    return draw


def one_rate(fleet: Fleet) -> Callable[[np.random.Generator, int], Found]:
    """One stratum, one test of a rate, at the error rates of the policy alone."""

    def draw(rng: np.random.Generator, runs: int) -> Found:
        windows = fleet.windows(rng, runs)
        back, day = harm(windows, POLICY.log_harm(1, 1))
        proven, _ = safe(windows, MARGIN, POLICY.log_safe)
        return Found(float(back.mean()), float(proven.mean()), day)

    return draw


def in_shadow(fleet: Shadowed) -> Callable[[np.random.Generator, int], Found]:
    """Three strata in shadow, 16 classes; stopped counts as ordered back."""

    def draw(rng: np.random.Generator, runs: int) -> Found:
        return Found(float(fleet.stopped(rng, runs).mean()), 0.0)

    return draw


def whole_release(failing: float, ratio: float) -> Callable[[np.random.Generator, int], Found]:
    """Four strata, each with updates, latency and disengagements; the first has what is given.

    The others are at the limit of harm; failures come first. A stratum is proven when all its tests
    are: shares at the ceiling and a rate equal to the parent's cannot all be.
    """

    def draw(rng: np.random.Generator, runs: int) -> Found:
        back = np.zeros(runs, dtype=np.bool_)
        proven = np.zeros(runs, dtype=np.bool_)
        for stratum in range(STRATA):
            rate, times = (failing, ratio) if stratum == 0 else (POLICY.ceiling, 1.0)
            its_back, its_proven = _stratum(rng, runs, rate, times)
            back |= its_back
            proven |= its_proven
        return Found(float(back.mean()), float(proven.mean()))

    return draw


def _stratum(
    rng: np.random.Generator, runs: int, failing: float, ratio: float
) -> tuple[Bools, Bools]:
    at_harm, at_proof = bounds(STRATA, TESTS)
    back = np.zeros(runs, dtype=np.bool_)
    proven = np.ones(runs, dtype=np.bool_)
    for rate in (failing, POLICY.ceiling):
        played = rollouts(rng, rate, DELAYS["failures first"], runs=runs, devices=DEVICES)
        back |= played.ever_harm(at_harm)
        proven &= played.ever_proven(at_proof)
    windows = Fleet(ratio=ratio, devices=DEVICES, shares=RAMP).windows(rng, runs)
    back |= harm(windows, POLICY.log_harm(STRATA, TESTS))[0]
    proven &= safe(windows, MARGIN, POLICY.log_safe)[0]
    return back, proven


ROWS: Final = (
    *(
        Row(
            name=f"at the ceiling, {name}",
            draw=one_wave(0.02, delay),
            most_back=0.01,
            most_proven=0.05,
        )
        for name, delay in DELAYS.items()
    ),
    *(
        Row(
            name=f"at the ceiling, a fifth never accepts, {name}",
            draw=one_wave(0.02, delay, refusing=0.2),
            most_back=0.01,
            most_proven=0.05,
        )
        for name, delay in DELAYS.items()
    ),
    *(
        Row(name=f"10 %, {name}", draw=one_wave(0.10, delay), least_back=0.995, most_proven=0.0)
        for name, delay in DELAYS.items()
    ),
    *(
        Row(name=f"four times better, {name}", draw=one_wave(0.005, delay), most_back=0.0)
        for name, delay in DELAYS.items()
    ),
    *(
        Row(
            name=f"at the ceiling, resumed by a person, {name}",
            draw=resumed(0.02, delay),
            most_back=0.01,
        )
        for name, delay in DELAYS.items()
    ),
    Row(name="10 %, resumed by a person", draw=resumed(0.10, no_delay), least_back=0.995),
    Row(
        name="a fifth falls silent after accepting",
        draw=one_wave(0.0, no_delay, mute=0.2),
        least_back=1.0,
        most_proven=0.0,
    ),
    Row(
        name="3 tests, 4 strata, all at the limit",
        draw=whole_release(0.02, 1.0),
        most_back=0.01,
        most_proven=0.05,
    ),
    Row(
        name="3 tests, 4 strata, one fails 10 %",
        draw=whole_release(0.10, 1.0),
        least_back=0.995,
    ),
    Row(name="3 tests, 4 strata, one fails 6 %", draw=whole_release(0.06, 1.0), least_back=0.75),
    Row(name="3 tests, 4 strata, one rate twice", draw=whole_release(0.02, 2.0), least_back=0.995),
    Row(name="rate as the parent's", draw=one_rate(Fleet(shares=RAMP)), most_back=0.01),
    Row(
        name="rate at the margin",
        draw=one_rate(Fleet(ratio=MARGIN, shares=RAMP)),
        most_proven=0.05,
    ),
    Row(
        name="rate as the parent's, clustered in few devices, one event a day",
        draw=one_rate(Fleet(frailty=2.0, shares=RAMP)),
        most_back=0.02,
    ),
    Row(
        name="rate as the parent's, clustered, every event",
        draw=one_rate(Fleet(frailty=2.0, capped=False, shares=RAMP)),
        most_back=0.03,
    ),
    Row(name="shadow, every slice at the limit", draw=in_shadow(Shadowed()), most_back=0.01),
    Row(
        name="shadow, one class of one stratum lost by half",
        draw=in_shadow(Shadowed(lost=0.5)),
        least_back=0.995,
    ),
    Row(
        name="shadow, a reseeded retrain, clustered in few devices",
        draw=in_shadow(Shadowed(rate=0.035, variance=2.0)),
        most_back=0.01,
    ),
)
