"""A stratum while a release goes through it: who was offered it when, and what is known by now."""

import math

from streams.rollout.simulation.counts import Counts, Group
from streams.rollout.simulation.reports import Reports


class Wave:
    """Devices that were offered the release together.

    Args:
        reports: Of the stratum.
        rows: Those that are offered it.
        opened_s: When.
    """

    def __init__(self, reports: Reports, rows: slice, opened_s: float) -> None:
        self.opened_s, self.targets = opened_s, len(range(*rows.indices(len(reports))))
        self._tick_s, self._lines = reports.tick_s, reports.known(rows)
        self._line = -1
        self._group = Group(self.targets, opened_s, Counts(), Counts())

    def at(self, now_s: float) -> Group:
        """What is known of them."""
        line = self._at(now_s)
        if line != self._line:
            accepted, commits, failed, silent, regressed, *late, _ = self._lines[line].tolist()
            updates = Counts(accepted, commits - regressed, failed, silent, regressed)
            self._group = Group(self.targets, self.opened_s, updates, Counts(*late))
            self._line = line
        return self._group

    def failing(self, until_s: float) -> int:
        """Devices that accepted until then and for which the release is bad."""
        return int(self._lines[self._at(until_s), -1])

    def _at(self, now_s: float) -> int:
        last = len(self._lines) - 1
        ticks = (now_s - self.opened_s) / self._tick_s
        return last if ticks >= last else int(ticks)


class Exposure:
    """One stratum.

    Attributes:
        stopped_s: When it was held or ordered back; infinite: it was not.
    """

    def __init__(self, reports: Reports) -> None:
        self._reports = reports
        self.share, self.stopped_s = 0.0, math.inf
        self.waves: list[Wave] = []

    def widen(self, share: float, now_s: float) -> None:
        """Offer the release to the next devices in cohort order."""
        total = len(self._reports)
        rows = slice(round(self.share * total), round(share * total))
        self.waves.append(Wave(self._reports, rows, now_s))
        self.share = share

    def groups(self, now_s: float) -> list[Group]:
        """What is known of each wave."""
        return [wave.at(now_s) for wave in self.waves]

    def exposed(self, until_s: float) -> int:
        """Devices that accepted until then and for which the release is bad."""
        return sum(wave.failing(until_s) for wave in self.waves)
