"""What a policy can see of a rate: how many events show which ratio, and how many prove safety."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from streams.rollout.policy import Policy
from streams.rollout.rates import Windows, log_e_rate_harm, log_e_rate_safe
from streams.rollout.rules import RateRule

RATIOS: Final = (0.5, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0)
"""True rates of the table, by that of the parent."""
MAX_EVENTS: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RateChance:
    """What one true ratio of the rates costs, when counts are what they are on average.

    Half of all rollouts, more or less, need fewer events.

    Attributes:
        ratio: Rate of the release by the parent's.
        harm_events: Events of the release until harm is seen; None: never, or above a million.
        harm_control: Events of the parent's devices by then.
        proven_events: Events of the release until safety is proven; None: likewise.
        proven_control: Events of the parent's devices by then.
    """

    ratio: float
    harm_events: float | None
    harm_control: float | None
    proven_events: float | None
    proven_control: float | None


def rate_power(
    policy: Policy, rule: RateRule, *, share: float, strata: int, tests: int
) -> tuple[RateChance, ...]:
    """The policy's power for a rate: the release on a share of a stratum, the parent on the rest.

    Raises:
        ValueError: The share is not within (0, 1).
    """
    if not 0 < share < 1:
        raise ValueError(f"share={share} must be above 0 and below 1: the rest is the control")
    harm_at, safe_at = policy.log_harm(strata, tests), policy.log_safe

    def told(ratio: float) -> RateChance:
        theta = ratio * share / (ratio * share + 1 - share)
        harm = _fewest(lambda n: float(log_e_rate_harm(_window(n, theta, share))[-1]) >= harm_at)
        safe = _fewest(
            lambda n: float(log_e_rate_safe(_window(n, theta, share), rule.margin)[-1]) >= safe_at
        )
        return RateChance(
            ratio=ratio,
            harm_events=harm and harm * theta,
            harm_control=harm and harm * (1 - theta),
            proven_events=safe and safe * theta,
            proven_control=safe and safe * (1 - theta),
        )

    return tuple(told(ratio) for ratio in RATIOS)


def _window(events: float, theta: float, share: float) -> Windows:
    """All events in one window, split as they are on average."""
    columns = (share, 1 - share, events * theta, events * (1 - theta))
    return Windows(*(np.array([column]) for column in columns))


def _fewest(crossed: Callable[[float], bool]) -> float | None:
    """Fewest events of both sides at which it is so, to a hundredth; None: above the most."""
    high = 1.0
    while not crossed(high):
        high *= 2
        if high > MAX_EVENTS:
            return None
    low = high / 2
    while high > low * 1.01:
        middle = (low + high) / 2
        low, high = (low, middle) if crossed(middle) else (middle, high)
    return high
