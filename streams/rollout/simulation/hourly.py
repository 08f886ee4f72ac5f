"""Counts once an interval: what a metrics store would give to an analysis."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from streams.rollout.simulation.counts import Counts, Group

LEAST: Final = 50
"""Outcomes an operator waits for before a share means anything."""


def decided(counts: Counts) -> tuple[int, int]:
    """Bad outcomes, and all outcomes, known so far."""
    bad = counts.failed + counts.silent
    return bad, bad + counts.committed


@dataclass
class Intervals:
    """New outcomes of each interval of one metric.

    Attributes:
        every_s: Length of an interval.
        least: An interval goes on until it has so many outcomes.
        shares: Share of bad ones in every interval that had any outcome.
    """

    every_s: float
    least: int = 1
    shares: list[float] = field(default_factory=list)
    _next_s: float = 0.0
    _bad: int = 0
    _all: int = 0

    def due(self, now_s: float) -> bool:
        """Whether an interval ends now."""
        return now_s >= self._next_s

    def look(self, now_s: float, counts: Sequence[Counts]) -> float | None:
        """The share of the interval that ends now; None: it goes on, or nothing was decided."""
        if not self.due(now_s):
            return None
        self._next_s = now_s + self.every_s
        bad, known = decided(Counts.total(counts))
        new, of = max(0, bad - self._bad), max(0, known - self._all)
        if of < self.least:
            return None
        self._bad, self._all = bad, known
        self.shares.append(min(1.0, new / of))
        return self.shares[-1]


def by_metric(groups: Sequence[Group]) -> tuple[list[Counts], list[Counts]]:
    """Updates and latency of all groups."""
    return [group.updates for group in groups], [group.latency for group in groups]
