"""What a stretch of the log offers, read a part at a time, so that a long one holds nothing up."""

from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from schemas.records import DatasetManifest, OffsetRange
from schemas.topics import EDGE_CASES
from streams.dataset.candidates import Candidates, Sightings
from streams.dataset.policy import DatasetPolicy
from streams.dataset.ranges import within
from streams.dataset.sift import Continued, Sift

_AT_ONCE: Final = 32_768
"""Records judged in one call: a few seconds."""


class EdgeCaseReader(Protocol):
    """Exact stretches of edge-cases, read without a consumer group."""

    def sightings(self, ranges: Sequence[OffsetRange]) -> Iterator[Sightings]:
        """The valid edge cases of the ranges, in their order, in blocks of any size."""


class Knowing(Protocol):
    """What datasets hold."""

    def continued(self, dataset: DatasetManifest) -> Continued:
        """What the successor of an assembled dataset goes by."""


class Survey:
    """One survey at a time; the same ranges and dataset give the same candidates."""

    def __init__(self, policy: DatasetPolicy, reader: EdgeCaseReader, shelf: Knowing) -> None:
        self._policy = policy
        self._reader = reader
        self._shelf = shelf
        self._of: tuple[str, tuple[OffsetRange, ...]] = ("", ())
        self._reading: tuple[Sift, Iterator[Sightings]] | None = None
        self._found: Candidates | None = None

    def under_way(self, parent: DatasetManifest) -> tuple[OffsetRange, ...] | None:
        """The ranges that are being read for the successor of a dataset."""
        dataset_id, ranges = self._of
        return ranges if self._reading is not None and dataset_id == parent.dataset_id else None

    def candidates(
        self, ranges: tuple[OffsetRange, ...], parent: DatasetManifest
    ) -> Candidates | None:
        """What the ranges offer to the successor of a dataset; None: more is to be read."""
        if self._of != (parent.dataset_id, ranges):
            self._begin(ranges, parent)
        if self._reading is not None:
            self._go_on(*self._reading)
        return self._found

    def _begin(self, ranges: tuple[OffsetRange, ...], parent: DatasetManifest) -> None:
        sift = Sift(self._policy, self._shelf.continued(parent))
        blocks = self._reader.sightings(within(ranges, EDGE_CASES.name))
        self._of, self._reading, self._found = (parent.dataset_id, ranges), (sift, blocks), None

    def _go_on(self, sift: Sift, blocks: Iterator[Sightings]) -> None:
        read = 0
        while read < _AT_ONCE:
            block = next(blocks, None)
            if block is None:
                self._found, self._reading = sift.candidates(), None
                return
            sift.take(block)
            read += len(block)
