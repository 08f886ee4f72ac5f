"""Looks into a worker as it ships: its folds' rows are counted, and lines say what was seen."""

import sys
from collections.abc import Callable

from streams.processor import Fold, LogBatch


class CountedFold:
    """A fold whose rows are counted.

    Args:
        counted: Told the rows of each batch, once they are folded.
    """

    def __init__(self, fold: Fold, counted: Callable[[int], None]) -> None:
        self._fold, self._counted = fold, counted
        self.snapshot = fold.snapshot

    def apply(self, batch: LogBatch) -> None:
        """Include the next stretch of the partition."""
        self._fold.apply(batch)
        self._counted(batch.rows.num_rows)


def say(line: str) -> None:
    """A line on stdout at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
