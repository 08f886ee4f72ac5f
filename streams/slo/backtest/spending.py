"""How much of an error budget went between two times."""

from bisect import bisect_left, bisect_right
from fractions import Fraction
from itertools import accumulate

from streams.slo.backtest.episodes import at_place
from streams.slo.backtest.replay import Replayed, labels_of
from streams.slo.backtest.rows import Incident


class Spending:
    """Bad events of a replay at an incident's place, as shares of the period's budget.

    The period's events are those of the series, scaled from its length to the period; in mode
    consumption they are the SLO's expected events.
    """

    def __init__(self, replayed: Replayed, place: Incident) -> None:
        slo = replayed.slo
        counts: dict[int, int] = {}
        total = 0
        for bucket, keys in sorted(replayed.cells.items()):
            mine = [held for key, held in keys.items() if at_place(labels_of(slo, key), place)]
            counts[(bucket + 1) * slo.bucket_us] = sum(bad for _, bad in mine)
            total += sum(events for events, _ in mine)
        self._times = list(counts)
        self._bad = [0, *accumulate(counts.values())]
        span_us = self._times[-1] - self._times[0] + slo.bucket_us if counts else slo.period_us
        expected = slo.expected_events or Fraction(total * slo.period_us, span_us)
        self._budget = expected * slo.budget

    def share(self, start_us: int, end_us: int) -> Fraction:
        """Share of the budget that went within [start, end]."""
        first, last = bisect_left(self._times, start_us), bisect_right(self._times, end_us)
        spent = self._bad[last] - self._bad[first] if last > first else 0
        return spent / self._budget if self._budget else Fraction(0)
