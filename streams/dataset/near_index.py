"""Near duplicates among a million embeddings: an exact search that looks into few cells."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.cells import Cells, placed
from streams.dataset.code_store import CodeStore
from streams.dataset.codes import Codes, near

_CELLS_FROM: Final = 8_192  # of fewer, all are compared
_MOST_CELLS: Final = 2_048
_REPLACED_AT: Final = 2  # times as many embeddings as when the cells were placed
_BLOCK: Final = 8_192


class NearIndex:
    """The newest embeddings of one space, in the order they came.

    The search is exact: a cell is left out only where no near embedding can be. So an answer is a
    function of what is held and asked, not of where cells lie or how they came to be; a restart
    may place them anew.

    Args:
        dimensions: Of an embedding.
        cosine: Two embeddings above it are near.
    """

    def __init__(self, dimensions: int, cosine: float) -> None:
        self._cosine = cosine
        self._radius = float(np.sqrt(2.0 * (1.0 - cosine)))
        self._store = CodeStore(dimensions)
        self._cells: Cells | None = None
        self._placed_at = 0

    def __len__(self) -> int:
        return len(self._store)

    def codes(self) -> Codes:
        """All that is held; a view, good until the next change."""
        return self._store.codes()

    def near(self, asked: Codes) -> NDArray[np.bool_]:
        """Bool [n]: to which of the asked something held is near."""
        found = np.zeros(len(asked), dtype=bool)
        if self._cells is None:
            for begin in range(0, len(self), _BLOCK):
                held = self._store.codes().take(slice(begin, begin + _BLOCK))
                found |= near(asked, held, self._cosine).any(axis=1)
            return found
        reached = self._cells.reached(asked.units(), self._radius)
        for cell in np.flatnonzero(reached.any(axis=1)):
            rows = np.flatnonzero(reached[cell] & ~found)
            held = self._store.of_cell(int(cell))
            if rows.size and len(held):
                found[rows] = near(asked.take(rows), held, self._cosine).any(axis=1)
        return found

    def add(self, codes: Codes) -> None:
        """Hold more."""
        owners = self._cells.owners(codes.units()) if self._cells else None
        self._store.add(codes, owners)
        grown = len(self) >= _CELLS_FROM and len(self) >= self._placed_at * _REPLACED_AT
        if grown and (self._cells is None or len(self._cells) < _MOST_CELLS):
            self._place()

    def forget_first(self, count: int) -> None:
        """Let the oldest go."""
        self._store.forget_first(count)

    def _place(self) -> None:
        count = min(_MOST_CELLS, 1 << round(np.log2(4.0 * np.sqrt(len(self)))))
        held = self._store.codes()
        step = max(1, len(held) // (count * 32))
        self._cells = placed(held.take(slice(None, None, step)).units(), count)
        owners = [
            self._cells.owners(held.take(slice(begin, begin + _BLOCK)).units())
            for begin in range(0, len(held), _BLOCK)
        ]
        self._store.sort_into(np.concatenate(owners), count)
        self._placed_at = len(held)
