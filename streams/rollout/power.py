"""What a rollout policy can see: how soon each failure rate is caught, and what proof costs.

Exact, not simulated: devices decide one after another, independently, and the number that failed
is followed as a distribution until it leaves through the gate's own thresholds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from streams.rollout.boundaries import Ints, harm_boundary, unproven_boundary
from streams.rollout.evidence import Counts, log_e_safe
from streams.rollout.policy import Policy

MULTIPLES: Final = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
"""True failure rates of the table, as multiples of the ceiling."""
MAX_DEVICES: Final = 100_000
_LOOK_EVERY: Final = 256
_NOTHING: Final = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """What happens among a stratum's devices at one true failure rate.

    Attributes:
        rate: Share of devices that fail, in (0, 1).
        caught: Chance that harm is seen before the last device has decided.
        caught_median: Devices that decided by then in half of all rollouts; None: more than half
            of them end unseen.
        failed_mean: Devices that fail, on average, until harm is seen or all have decided.
        proven: Chance that safety is proven before the last device has decided.
        proven_median: Devices needed for it in half of all rollouts; None: most are not proven.
    """

    rate: float
    caught: float
    caught_median: int | None
    failed_mean: float
    proven: float
    proven_median: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """The table of a policy for strata of one size.

    Attributes:
        flawless: Devices that prove safety when none of them fails.
        provable: Smallest ceiling that so many flawless devices could prove; None when the
            policy's own is provable.
    """

    devices: int
    strata: int
    ceiling: float
    flawless: int
    provable: float | None
    chances: tuple[Chance, ...]


def power(policy: Policy, *, devices: int, strata: int, tests: int) -> Power:
    """The policy's power in a stratum of some devices.

    Args:
        policy: Ceiling and error rates.
        devices: Devices of the stratum, 1 to 100,000.
        strata: Strata that are judged at once; they and the tests share `alpha_harm`.
        tests: Tests of each device.

    Raises:
        ValueError: A number is out of its range.
    """
    if not 1 <= devices <= MAX_DEVICES or strata < 1 or tests < 1:
        raise ValueError(
            f"devices={devices} must be 1 to {MAX_DEVICES}, strata={strata} and tests={tests} "
            "at least 1"
        )
    harm = harm_boundary(devices, policy.ceiling, policy.log_harm(strata, tests))
    unproven = unproven_boundary(devices, policy.ceiling, policy.log_safe)
    rates = [policy.ceiling * multiple for multiple in MULTIPLES]
    return Power(
        devices=devices,
        strata=strata,
        ceiling=policy.ceiling,
        flawless=flawless(policy.ceiling, policy.log_safe),
        provable=_provable(policy, devices),
        chances=tuple(_chance(rate, harm, unproven) for rate in rates if rate < 1),
    )


def flawless(ceiling: float, log_safe: float) -> int:
    """Devices without a failure that prove a ceiling."""
    low, high = 0, 1
    while log_e_safe(Counts(high, 0, 0), ceiling) < log_safe:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if log_e_safe(Counts(middle, 0, 0), ceiling) < log_safe:
            low = middle
        else:
            high = middle
    return high


def _provable(policy: Policy, devices: int) -> float | None:
    if flawless(policy.ceiling, policy.log_safe) <= devices:
        return None
    low, high = policy.ceiling, 0.999
    while high - low > 1e-4:
        middle = (low + high) / 2
        low, high = (
            (low, middle) if flawless(middle, policy.log_safe) <= devices else (middle, high)
        )
    return high


def _chance(rate: float, harm: Ints, unproven: Ints) -> Chance:
    caught = _leaving(rate, harm, above=True)
    proven = _leaving(rate, unproven, above=False)
    seen, devices = np.cumsum(caught), len(harm) - 1
    return Chance(
        rate=rate,
        caught=float(seen[-1]),
        caught_median=_median(seen),
        # Wald: the failures until a stopping time are the rate times the devices until then.
        failed_mean=rate * float(caught @ np.arange(devices + 1) + (1 - seen[-1]) * devices),
        proven=float(proven.sum()),
        proven_median=_median(np.cumsum(proven)),
    )


def _leaving(rate: float, boundary: Ints, *, above: bool) -> npt.NDArray[np.float64]:
    """Chance of leaving at the n-th device: at or above the boundary, or below it."""
    width = int(boundary[-1]) + 2
    state = np.zeros(width)
    state[0] = 1.0
    left = np.zeros(len(boundary))
    for n in range(1, len(boundary)):
        state[1:] = state[1:] * (1 - rate) + state[:-1] * rate
        state[0] *= 1 - rate
        gone = state[boundary[n] :] if above else state[: boundary[n]]
        left[n] = gone.sum()
        gone[:] = 0.0
        if n % _LOOK_EVERY == 0 and state.sum() < _NOTHING:
            break
    return left


def _median(seen: Sequence[float] | npt.NDArray[np.float64]) -> int | None:
    place = int(np.searchsorted(seen, 0.5))
    return place if place < len(seen) else None
