"""Which devices may fall silent next: acceptances in the order of their deadlines."""

import numpy as np
import numpy.typing as npt

from streams.device_index import Rows
from streams.growing import grown

Stamps = npt.NDArray[np.int64]


class Deadlines:
    """A queue of (accepted_us, row), 12 bytes each.

    Every device has the same time, and stamps of a log never go back, so the order of acceptance
    is that of the deadlines: what is due stands in front and nothing else is looked at.
    """

    def __init__(self) -> None:
        self._begin = self._end = 0
        self._stamps = np.zeros(0, np.int64)
        self._rows = np.zeros(0, np.uint32)

    def add(self, accepted_us: Stamps, rows: Rows) -> None:
        """Include devices; the queue is sorted anew when one was accepted before the last."""
        if not rows.size:
            return
        waits = self._begin < self._end
        last_us = int(self._stamps[self._end - 1]) if waits else None
        order = np.argsort(accepted_us, kind="stable")
        begin, self._end = self._end, self._end + len(rows)
        self._stamps, self._rows = grown(self._stamps, self._end), grown(self._rows, self._end)
        self._stamps[begin : self._end] = accepted_us[order]
        self._rows[begin : self._end] = rows[order]
        if last_us is not None and self._stamps[begin] < last_us:
            self._sort()

    @property
    def first_us(self) -> int | None:
        """When the device in front accepted; None: there is none."""
        return int(self._stamps[self._begin]) if self._begin < self._end else None

    def pop_before(self, stamp_us: int) -> Rows:
        """Take out the devices that accepted before a stamp."""
        waiting = self._stamps[self._begin : self._end]
        taken = slice(self._begin, self._begin + int(np.searchsorted(waiting, stamp_us)))
        found: Rows = self._rows[taken].astype(np.int64)
        self._begin = taken.stop
        if self._begin > self._end // 2:
            self._close_up()
        return found

    def _sort(self) -> None:
        waiting = slice(self._begin, self._end)
        order = np.argsort(self._stamps[waiting], kind="stable")
        self._stamps[waiting] = self._stamps[waiting][order]
        self._rows[waiting] = self._rows[waiting][order]

    def _close_up(self) -> None:
        """Forget the place of what was taken out; each entry moves but once for each halving."""
        self._stamps = self._stamps[self._begin : self._end].copy()
        self._rows = self._rows[self._begin : self._end].copy()
        self._begin, self._end = 0, len(self._rows)
