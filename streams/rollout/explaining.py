"""Why a release stands where it stands: each test's evidence, and what would move the gate."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from streams.rollout.evidence import Counts, log_e_harm, log_e_safe
from streams.rollout.judged import Judged, RateCounts
from streams.rollout.rates import Windows, log_e_rate_harm
from streams.rollout.standing import ReleaseStanding

FARTHEST: Final = 10_000_000
"""Devices beyond which nobody asks how many more are wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """One test of one stratum, and what would move it.

    Attributes:
        failures_until_harm: More failures, or events of the candidates in windows as they were,
            at which harm would be seen now; 0: it was seen; None: nothing to compare with yet.
        good_until_proven: Devices that must still turn out good, undecided ones first; 0: proven;
            None: more than ten million, or a rate, which is proven by the windows to come.
    """

    test: Judged
    failures_until_harm: int | None
    good_until_proven: int | None


def assessments(at: ReleaseStanding, stratum: str) -> Iterator[Assessment]:
    """Every test of a stratum as it stands."""
    for test in at.tests(stratum):
        yield Assessment(
            test=test,
            failures_until_harm=0 if test.harmful else _until_harm(test),
            good_until_proven=0 if test.proven else _until_proven(test),
        )


def _until_harm(test: Judged) -> int | None:
    counts = test.under_test
    if isinstance(counts, RateCounts):
        return _events_until_harm(counts, test.harm_at)
    return failures_until_harm(counts, test.limit, test.harm_at)


def _until_proven(test: Judged) -> int | None:
    if isinstance(test.counts, RateCounts):
        return None
    return _good_until_proven(test.counts, test.limit, test.safe_at)


def _events_until_harm(counts: RateCounts, wanted: float) -> int | None:
    """As if all windows were one, which they nearly are where the shares are steady."""
    if not counts.windows:
        return None

    def seen(more: int) -> bool:
        columns = (counts.metres, counts.control_metres, counts.events + more)
        window = Windows(*(np.array([float(one)]) for one in (*columns, counts.control_events)))
        return float(log_e_rate_harm(window)[-1]) >= wanted

    return _fewest(seen)


def failures_until_harm(counts: Counts, ceiling: float, wanted: float) -> int:
    """More failures at which harm would be seen now."""

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
