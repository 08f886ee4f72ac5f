"""Which tiers of which keys are true: comparisons in whole numbers, all keys at once."""

from fractions import Fraction
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from streams.slo.objectives import Mode, Slo, Tier
from streams.slo.windows import Windows

EXACT: Final = 2**63 - 1
Truth = npt.NDArray[np.bool_]


class Conditions:
    """The tiers of an SLO over its windows.

    A tier is true when both its windows have more bad events than its limit allows, and the long
    one at least `min_bad` bad ones of `min_events`. The limit is a share of the events of the
    window itself (RATIO), or of those the period is expected to have in a window of that length
    (CONSUMPTION): bad(W) > factor * budget * N_T * W / T.

    Args:
        slo: Whose tiers.
        windows: Sums of all keys.
    """

    def __init__(self, slo: Slo, windows: Windows) -> None:
        self._slo = slo
        self._windows = windows
        self._budget = slo.budget
        self._longs = [windows.place(tier.long_us) for tier in slo.tiers]
        self._both = self._longs + [windows.place(tier.short_us) for tier in slo.tiers]
        ratios = [tier.limit.as_integer_ratio() for tier in slo.tiers] * 2
        self._most = max(max(ratio) for ratio in ratios)
        exact = np.array(ratios, dtype=object)[:, :, None]
        fits = self._most <= EXACT
        self._above, self._below = (
            (half, half.astype(np.int64) if fits else half) for half in (exact[:, 0], exact[:, 1])
        )
        by_severity = [
            [place for place, tier in enumerate(slo.tiers) if tier.severity is severity]
            for severity in slo.severities
        ]
        self._grouped = [place for places in by_severity for place in places]
        sizes = [len(places) for places in by_severity]
        self._starts = [sum(sizes[:place]) for place in range(len(sizes))]
        self._fresh = [
            windows.place(min(tier.short_us for tier in slo.tiers_of(severity)))
            for severity in slo.severities
        ]

    def true(self, since: npt.NDArray[np.int64]) -> Truth:
        """Which tiers are true: bool[tiers, keys].

        Args:
            since: By key, the bucket of its first event.
        """
        slo, sums = self._slo, self._windows.sums
        bad, total = sums[:, 1], sums[:, 0]
        enough = (bad[self._longs] >= slo.min_bad) & (total[self._longs] >= slo.min_events)
        if slo.mode is Mode.RATIO:
            return enough & self._above_shares()
        for place, tier in enumerate(slo.tiers):
            enough[place] &= self._above_expected(tier, tier.long_us, since)
            enough[place] &= self._above_expected(tier, tier.short_us, since)
        return enough

    def by_severity(self, true: Truth) -> Truth:
        """Severities with a true tier: bool[severities, keys]."""
        found: Truth = np.logical_or.reduceat(true[self._grouped], self._starts, axis=0)
        return found

    def fresh(self) -> Truth:
        """Where the shortest window of a severity holds an event: bool[severities, keys].

        Only there can a condition be seen to be false: no data is not good data.
        """
        found: Truth = self._windows.sums[self._fresh, 0] > 0
        return found

    def holds(self, tier: Tier, row: int, since: int) -> bool:
        """Whether a tier of one key is true."""
        long = self._windows.sum(tier.long_us, row)
        enough = long.bad >= self._slo.min_bad and long.total >= self._slo.min_events
        return enough and all(
            self._windows.sum(length, row).bad > self.threshold(tier, length, row, since)
            for length in (tier.long_us, tier.short_us)
        )

    def threshold(self, tier: Tier, length_us: int, row: int, since: int) -> Fraction:
        """Bad events that a window of one key may have; more make the tier true."""
        if self._slo.mode is Mode.RATIO:
            return tier.limit * self._windows.sum(length_us, row).total
        return tier.limit * self.expected(tier, length_us, row, since)

    def expected(self, tier: Tier, length_us: int, row: int, since: int) -> Fraction:
        """Events that a window of one key should have by what the period is expected to have.

        Without `expected_events` in the file it is what the period held so far, as if it went on
        like that; a key younger than the tier's long window counts as that old.
        """
        slo = self._slo
        if slo.expected_events is not None:
            return Fraction(slo.expected_events * length_us, slo.period_us)
        spent = self._windows.spent(row).total
        return spent * self.share_expected(tier, length_us, since)

    def share_expected(self, tier: Tier, length_us: int, since: int) -> Fraction:
        """By how much one more event raises the events expected in a window."""
        if self._slo.expected_events is not None:
            return Fraction(0)
        span = int(self._span(tier, np.array([since]))[0])
        return Fraction(length_us // self._slo.bucket_us, span)

    def burn(self, tier: Tier, length_us: int, row: int, since: int) -> Fraction:
        """How many times faster than evenly a window of one key spends its budget."""
        held = self._windows.sum(length_us, row)
        events = Fraction(held.total)
        if self._slo.mode is Mode.CONSUMPTION:
            events = self.expected(tier, length_us, row, since)
        return held.bad / (events * self._budget) if events else Fraction(0)

    def _above_shares(self) -> Truth:
        """Where both windows of a tier have more bad events than its limit, by share."""
        sums = self._windows.sums
        fits = int(sums.max(initial=0)) * self._most <= EXACT
        held = sums[self._both] if fits else sums[self._both].astype(object)
        above = _above(held[:, 1], self._below[fits], self._above[fits], held[:, 0])
        tiers = len(self._longs)
        return above[:tiers] & above[tiers:]

    def _above_expected(self, tier: Tier, length_us: int, since: npt.NDArray[np.int64]) -> Truth:
        slo, bad = self._slo, self._windows.sums[self._windows.place(length_us), 1]
        if slo.expected_events is not None:
            allowed = tier.limit * slo.expected_events * length_us / slo.period_us
            found: Truth = bad > min(int(allowed), EXACT)
            return found
        seen = self._windows.sums[-1, 0]
        span = self._span(tier, since)
        above, below = tier.limit.as_integer_ratio()
        above *= length_us // slo.bucket_us
        worst = max(int(bad.max(initial=0)) * below * int(span.max(initial=1)), 0)
        if max(worst, int(seen.max(initial=0)) * above) > EXACT:
            bad, seen, span = bad.astype(object), seen.astype(object), span.astype(object)
        return _above(bad, below * span, above, seen)

    def _span(self, tier: Tier, since: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Buckets over which the period's events were counted, by key."""
        period, long = (us // self._slo.bucket_us for us in (self._slo.period_us, tier.long_us))
        return ((self._windows.tick or 0) - since).clip(min(long, period), period)


def _above(bad: Any, below: Any, above: Any, events: Any) -> Truth:
    """Bad > events * above / below, without a division."""
    found: Truth = np.asarray(bad * below > above * events, dtype=np.bool_)
    return found
