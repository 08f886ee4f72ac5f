"""Codes in the order they came, findable by cell: growing behind, forgetting in front."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from streams.dataset.codes import Codes

_FIRST_ROOM: Final = 4_096
_GROWTH: Final = 1.5


class CodeStore:
    """Memory for codes of d dimensions: d + 10 bytes each, at most half as much in reserve."""

    def __init__(self, dimensions: int) -> None:
        self._values = np.empty((_FIRST_ROOM, dimensions), np.int8)
        self._lengths = np.empty(_FIRST_ROOM, np.float32)
        self._owners = np.empty(_FIRST_ROOM, np.uint16)
        self._begin = self._end = 0
        self._order = np.empty(0, np.int32)
        self._starts = np.zeros(1, np.int64)
        self._cells = 0

    def __len__(self) -> int:
        return self._end - self._begin

    def codes(self) -> Codes:
        """All, oldest first; a view."""
        held = slice(self._begin, self._end)
        return Codes(self._values[held], self._lengths[held])

    def of_cell(self, cell: int) -> Codes:
        """Those of one cell; a copy."""
        rows = self._order[self._starts[cell] : self._starts[cell + 1]]
        return Codes(self._values[rows], self._lengths[rows])

    def add(self, codes: Codes, owners: NDArray[np.uint16] | None) -> None:
        """Append; `owners` are their cells, when there are cells."""
        self._make_room(len(codes))
        added = slice(self._end, self._end + len(codes))
        self._values[added], self._lengths[added] = codes.values, codes.lengths
        self._end += len(codes)
        if owners is not None:
            self._owners[added] = owners
            self._sort()

    def sort_into(self, owners: NDArray[np.uint16], cells: int) -> None:
        """Give all a cell, of so many."""
        self._owners[self._begin : self._end] = owners
        self._cells = cells
        self._sort()

    def forget_first(self, count: int) -> None:
        """Let the oldest go."""
        self._begin += count
        if self._cells:
            self._sort()

    def _sort(self) -> None:
        owners = self._owners[self._begin : self._end]
        order = np.argsort(owners, kind="stable")  # radix sort on 16 bits: 10 ms a million
        self._order = (order + self._begin).astype(np.int32)
        counts = np.bincount(owners, minlength=self._cells)
        self._starts = np.concatenate([[0], np.cumsum(counts)])

    def _make_room(self, count: int) -> None:
        if self._end + count <= len(self._lengths):
            return
        room = max(int(len(self) * _GROWTH), len(self) + count, _FIRST_ROOM)
        held = slice(self._begin, self._end)
        for name in ("_values", "_lengths", "_owners"):
            old = getattr(self, name)
            new = np.empty((room, *old.shape[1:]), old.dtype)
            new[: len(self)] = old[held]
            setattr(self, name, new)
        self._begin, self._end = 0, len(self)
