"""Which attempts may fall silent next: acceptances in the order of their deadlines."""

import numpy as np
import numpy.typing as npt

from streams.rollout.device_index import Rows
from streams.rollout.growing import grown

Stamps = npt.NDArray[np.int64]


class Deadlines:
    """A queue of (accepted_us, row), 12 bytes each.

    Every attempt has the same time, and stamps of a log never go back, so the order of acceptance
    is that of the deadlines: what is due stands in front and nothing else is looked at.
    """

    def __init__(self) -> None:
        self._begin = self._end = 0
        self._stamps = np.zeros(0, np.int64)
        self._rows = np.zeros(0, np.uint32)

    def add(self, accepted_us: Stamps, rows: Rows) -> None:
        """Attempts accepted no earlier than any added before."""
        order = np.argsort(accepted_us, kind="stable")
        begin, self._end = self._end, self._end + len(rows)
        self._stamps, self._rows = grown(self._stamps, self._end), grown(self._rows, self._end)
        self._stamps[begin : self._end] = accepted_us[order]
        self._rows[begin : self._end] = rows[order]

    @property
    def first_us(self) -> int | None:
        """When the attempt in front was accepted; None: there is none."""
        return int(self._stamps[self._begin]) if self._begin < self._end else None

    def pop_before(self, stamp_us: int) -> tuple[Stamps, Rows]:
        """Take out the attempts accepted before a stamp: acceptances and rows."""
        waiting = self._stamps[self._begin : self._end]
        taken = slice(self._begin, self._begin + int(np.searchsorted(waiting, stamp_us)))
        found = self._stamps[taken].copy(), self._rows[taken].astype(np.int64)
        self._begin = taken.stop
        if self._begin > self._end // 2:
            self._close_up()
        return found

    def _close_up(self) -> None:
        """Forget the place of what was taken out; each entry moves but once for each halving."""
        self._stamps = self._stamps[self._begin : self._end].copy()
        self._rows = self._rows[self._begin : self._end].copy()
        self._begin, self._end = 0, len(self._rows)
