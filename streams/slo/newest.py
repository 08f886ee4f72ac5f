"""The newest count of every cell within the horizon: what tells how much a cell adds."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from streams.blobs import Blobs, Reading
from streams.slo.counts import Counts

FROZEN_AFTER: Final = 64


class Newest:
    """Cells by source partition, bucket and key.

    The counts of a cell only grow from version to version, so the newest version is the largest
    one: which (last_offset, ingest time) it had need not be kept. Versions in any order, and
    repeated ones, give the same.

    Attributes:
        horizon: Buckets behind a partition's newest watermark after which its cells are forgotten.
    """

    def __init__(self, horizon: int) -> None:
        self.horizon = horizon
        self._marks: dict[int, int] = {}
        self._cells: dict[int, Counts] = {}

    @property
    def oldest(self) -> int | None:
        """Oldest bucket of any partition; None: no cell is held."""
        found = (at for counts in self._cells.values() for at in counts)
        return min(found, default=None)

    def too_old(self, partition: int, bucket: int, mark: int) -> bool:
        """Whether a cell is beyond the horizon; `mark`: the watermark it comes with, in buckets."""
        known = max(mark, self._marks.get(partition, 0))
        self._marks[partition] = known
        return bucket + 1 <= known - self.horizon

    def put(
        self, partition: int, bucket: int, row: int, counts: tuple[int, int]
    ) -> tuple[int, int]:
        """Take a version of a cell: (events, bad events) in all; what it adds to those known."""
        cells = self._cells.get(partition)
        if cells is None:
            cells = self._cells[partition] = Counts()
        total, bad = cells.cell(bucket, row)
        added = (max(0, counts[0] - total), max(0, counts[1] - bad))
        if added != (0, 0):
            cells.add(bucket, row, *added)
        return added

    def tidy(self) -> None:
        """Forget what is beyond the horizon, compress what seldom changes."""
        for partition, cells in self._cells.items():
            mark = self._marks.get(partition, 0)
            cells.drop(mark - self.horizon)
            cells.freeze(mark - FROZEN_AFTER)

    def state(self, blobs: Blobs) -> dict[str, Any]:
        """All of it as plain values."""
        return {
            "marks": list(self._marks.items()),
            "cells": [[at, counts.state(blobs)] for at, counts in self._cells.items()],
        }

    def load(self, state: Mapping[str, Any], blobs: Reading) -> None:
        """Take the values of `state()`."""
        self._marks = dict(state["marks"])
        held: Iterable[tuple[int, Any]] = state["cells"]
        for partition, cells in held:
            self._cells[partition] = Counts()
            self._cells[partition].load(cells, blobs)
