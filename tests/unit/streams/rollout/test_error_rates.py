"""How often the gate's tests err, when acknowledgements are late, missing or in the worst order.

Monte-Carlo over whole rollouts of one wave: every device accepts at some time and its outcome is
known at another. The tests are read at every single step, as the gate does.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pytest

from streams.rollout.boundaries import harm_boundary, unproven_boundary
from streams.rollout.policy import Policy

SEED: Final = 20_265
RUNS: Final = 2_000
DEVICES: Final = 500
POLICY: Final = Policy(ceiling=0.02)

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Delay = Callable[[np.random.Generator, Bools], Floats]


def no_delay(_: np.random.Generator, failed: Bools) -> Floats:
    return np.zeros(failed.shape)


def failures_first(_: np.random.Generator, failed: Bools) -> Floats:
    return np.where(failed, 3.0, 30.0)


def successes_first(_: np.random.Generator, failed: Bools) -> Floats:
    return np.where(failed, 600.0, 30.0)


def heavy_tail(rng: np.random.Generator, failed: Bools) -> Floats:
    return 10 * rng.pareto(0.8, failed.shape)


def by_region(rng: np.random.Generator, failed: Bools) -> Floats:
    """Eight regions, each heard of at a time of its own, and failures earlier than successes."""
    region = rng.integers(0, 8, failed.shape)
    return np.take(rng.exponential(300, 8), region) + np.where(failed, 3.0, 30.0)


DELAYS: Final[tuple[Delay, ...]] = (
    no_delay,
    failures_first,
    successes_first,
    heavy_tail,
    by_region,
)


@dataclass(frozen=True)
class Rates:
    """Shares of the runs."""

    rolled_back: float
    proven: float


def rates(
    rate: float, delay: Delay, *, runs: int = RUNS, silent: float = 0.0, devices: int = DEVICES
) -> Rates:
    """Play rollouts; `silent` devices accept and are never heard of until their time is over."""
    harm = harm_boundary(devices, POLICY.ceiling, POLICY.log_harm(1, 1))
    unproven = unproven_boundary(devices, POLICY.ceiling, POLICY.log_safe)
    rng = np.random.default_rng(SEED)
    back = proven = 0
    for _ in range(runs):
        accepted = np.sort(rng.uniform(0, 600, devices))
        failed = rng.random(devices) < rate
        decided = accepted + delay(rng, failed)
        mute = rng.random(devices) < silent
        decided[mute], failed[mute] = accepted[mute] + 3_600, True
        back += ever_harm(accepted, decided[failed], harm)
        proven += ever_proven(accepted, decided[~failed], unproven)
    return Rates(back / runs, proven / runs)


def ever_harm(accepted: Floats, failures: Floats, harm: npt.NDArray[np.int64]) -> bool:
    """Whether at the time of any failure the known ones reach the boundary of those accepted."""
    at = np.sort(failures)
    n = np.searchsorted(accepted, at, side="right")
    return bool((np.arange(1, len(at) + 1) >= harm[n]).any())


def ever_proven(accepted: Floats, successes: Floats, unproven: npt.NDArray[np.int64]) -> bool:
    """Whether at the time of any success those not known to be good are few enough."""
    at = np.sort(successes)
    n = np.searchsorted(accepted, at, side="right")
    return bool((n - np.arange(1, len(at) + 1) < unproven[n]).any())


def allowed(alpha: float, runs: int = RUNS) -> float:
    """The promised rate, and three standard deviations of counting."""
    return alpha + 3 * math.sqrt(alpha * (1 - alpha) / runs)


@pytest.mark.parametrize("delay", DELAYS)
def test_a_release_at_the_ceiling_is_rarely_rolled_back_and_rarely_proven(delay: Delay) -> None:
    found = rates(0.02, delay)
    assert found.rolled_back <= 0.01, (SEED, found)
    assert found.proven <= allowed(0.05), (SEED, found)


@pytest.mark.parametrize("delay", DELAYS)
def test_a_rate_of_ten_percent_is_caught(delay: Delay) -> None:
    assert rates(0.10, delay).rolled_back >= 0.995, SEED


def test_devices_that_never_accept_are_no_evidence() -> None:
    # A fifth that never accepts is a smaller wave: the counts hold only those that accepted.
    found = rates(0.02, failures_first, devices=DEVICES * 4 // 5)
    assert found.rolled_back <= 0.01, (SEED, found)
    assert found.proven <= allowed(0.05), (SEED, found)


def test_silence_after_acceptance_is_failure_and_rolls_back() -> None:
    assert rates(0.0, no_delay, silent=0.2, runs=200).rolled_back == 1.0, SEED


def test_a_release_four_times_better_is_never_tripped_by_early_failures() -> None:
    found = rates(0.005, failures_first)
    assert found.rolled_back == 0.0, (SEED, found)
    assert found.proven >= 0.5, (SEED, found)


def test_three_tests_in_four_strata_share_one_error_rate() -> None:
    harm = harm_boundary(DEVICES, POLICY.ceiling, POLICY.log_harm(4, 3))
    rng = np.random.default_rng(SEED)
    alarms = 0
    for _ in range(RUNS):
        accepted = np.sort(rng.uniform(0, 600, DEVICES))
        alarms += any(
            ever_harm(accepted, accepted[rng.random(DEVICES) < 0.02] + 3.0, harm) for _ in range(12)
        )
    assert alarms / (RUNS) <= 0.01, (SEED, alarms)
