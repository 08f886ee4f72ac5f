"""Why a release stands where it stands: each test's evidence, and what would move the gate."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from streams.rollout.evidence import Counts, log_e_harm, log_e_safe
from streams.rollout.standing import ReleaseStanding
from streams.rollout.tally import METRICS

FARTHEST: Final = 10_000_000
"""Devices beyond which nobody asks how many more are wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """One test of one stratum.

    Attributes:
        metric: Topic that tells of the devices' outcomes.
        e_harm, e_safe: Highest evidence so far; harm_at, safe_at: what it must reach.
        failures_until_harm: More failures at which harm would be seen now; 0: it was seen.
        good_until_proven: Devices that must still turn out good, undecided ones first; 0: proven;
            None: more than ten million.
    """

    metric: str
    counts: Counts
    e_harm: float
    harm_at: float
    e_safe: float
    safe_at: float
    failures_until_harm: int
    good_until_proven: int | None


def assessments(at: ReleaseStanding, stratum: str) -> Iterator[Assessment]:
    """Every test of a stratum as it stands."""
    for metric in METRICS:
        counts = at.tally.sums(metric, at.release_id, stratum).counts
        peak = at.peak(metric, stratum)
        yield Assessment(
            metric=metric,
            counts=counts,
            e_harm=math.exp(peak.harm),
            harm_at=math.exp(at.log_harm_threshold),
            e_safe=math.exp(peak.safe),
            safe_at=math.exp(at.policy.log_safe),
            failures_until_harm=0
            if peak.harm >= at.log_harm_threshold
            else _failures_until_harm(counts, at.policy.ceiling, at.log_harm_threshold),
            good_until_proven=0
            if peak.safe >= at.policy.log_safe
            else _good_until_proven(counts, at.policy.ceiling, at.policy.log_safe),
        )


def _failures_until_harm(counts: Counts, ceiling: float, wanted: float) -> int:
    def seen(more: int) -> bool:
        failed = counts.failures_low + more
        n = max(counts.n, failed)
        return log_e_harm(Counts(n, failed, n), ceiling) >= wanted

    return _fewest(seen) or 0


def _good_until_proven(counts: Counts, ceiling: float, wanted: float) -> int | None:
    undecided = counts.failures_high - counts.failures_low

    def proven(good: int) -> bool:
        beyond = max(0, good - undecided)
        not_good = counts.failures_high - (good - beyond)
        return log_e_safe(Counts(counts.n + beyond, 0, not_good), ceiling) >= wanted

    return _fewest(proven)


def _fewest(holds: Callable[[int], bool]) -> int | None:
    """Smallest number at which a condition that stays true once true holds; None: too far."""
    high = 1
    while not holds(high):
        high *= 2
        if high > FARTHEST:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
