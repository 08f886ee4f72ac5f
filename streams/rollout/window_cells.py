"""Stage one's counts by calendar window: kept while a window is open and until handed on."""

from collections.abc import Iterator
from typing import Any, Final, TypeAlias

import numpy as np

from streams.rollout.calendar_windows import Calendar
from streams.rollout.cells import CellKey, CellLimitError
from streams.turns import Ints

MAX_WINDOWS: Final = 100_000
"""Open windows of all releases and strata that one partition counts."""

Amounts: TypeAlias = Iterator[tuple[CellKey, int, int]]
"""((release, stratum), begin of the window, count)."""


class WindowCells:
    """Running counts of one kind by release, stratum and calendar window.

    Attributes:
        late: Records that came after their window's deadline and count nowhere.
    """

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self._counts: dict[tuple[CellKey, int], int] = {}
        self._changed: set[tuple[CellKey, int]] = set()
        self.late = 0

    def window(self, at_us: int, high_us: int) -> int | None:
        """Begin of the window of an event; None: it is late, which is counted here.

        Args:
            at_us: When it happened.
            high_us: Highest stamp of the partition up to its record.
        """
        start = self._calendar.start(at_us)
        if self._calendar.closed(start, high_us):
            self.late += 1
            return None
        return start

    def add(self, key: CellKey, start: int, amount: int) -> None:
        """Count in a window that is open.

        Raises:
            CellLimitError: It would be one window more than MAX_WINDOWS.
        """
        at = (key, start)
        if at not in self._counts and len(self._counts) >= MAX_WINDOWS:
            raise CellLimitError(
                f"rollout: release {key[0]} in {key[1]} opens one more than "
                f"MAX_WINDOWS={MAX_WINDOWS} windows of one partition; make rate_window_s longer"
            )
        self._counts[at] = self._counts.get(at, 0) + amount
        self._changed.add(at)

    def add_all(self, key: CellKey, at_us: Ints, high_us: Ints, amounts: Ints) -> None:
        """Count n events of one key; `at_us` and `high_us` as `window` has them.

        Raises:
            CellLimitError: It would be one window more than MAX_WINDOWS.
        """
        starts = self._calendar.start(at_us)
        open_ = high_us <= self._calendar.deadline(starts)
        self.late += int(np.count_nonzero(~open_))
        found, place = np.unique(starts[open_], return_inverse=True)
        sums = np.zeros(len(found), np.int64)
        np.add.at(sums, place, amounts[open_])
        for start, amount in zip(found.tolist(), sums.tolist(), strict=True):
            self.add(key, start, amount)

    def changed(self, high_us: int) -> Amounts:
        """What changed since the last call, in a fixed order; closed windows then leave.

        They leave only here: what is stored before it was handed on is still there.
        """
        due, self._changed = sorted(self._changed), set()
        for key, start in due:
            yield key, start, self._counts[key, start]
        for at in [at for at in self._counts if self._calendar.closed(at[1], high_us)]:
            del self._counts[at]

    def state(self) -> list[Any]:
        """State as JSON values."""
        cells = [[*key, start, count] for (key, start), count in sorted(self._counts.items())]
        return [self.late, cells]

    def restore(self, state: list[Any]) -> None:
        """Go on from what `state` gave; everything counts as changed."""
        self.late, cells = state
        self._counts = {((release, stratum), at): n for release, stratum, at, n in cells}
        self._changed = set(self._counts)
