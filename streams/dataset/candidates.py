"""The candidates of a question: one per encounter, duplicates out, counted by reason."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

SIGHTING_COLUMNS = (
    "event_id",
    "device_id",
    "model_digest",
    "encounter_id",
    "frame_uri",
    "frame_digest",
    "frame_media_type",
    "margin",
    "consent",
    "embedding",
)


@dataclass(frozen=True, slots=True)
class Sighting:
    """One edge case with its place in the log: what choosing and lineage need.

    Attributes:
        frame_media_type: See `schemas.media`.
        embedding: L2-normalised, float32 [dimensions]; empty when the device sent none.
        margin: Smallest best-minus-second probability over the encounter's frames.
        stamp_us: The broker's stamp, UTC microseconds.
        model_digest: The model that the embedding is of; empty in replays.
    """

    event_id: str
    device_id: str
    encounter_id: str
    frame_uri: str
    frame_digest: str
    frame_media_type: str
    margin: float
    consent: bool
    embedding: NDArray[np.float32]
    topic_id: str
    partition: int
    offset: int
    stamp_us: int
    model_digest: str = ""


@dataclass(frozen=True, slots=True)
class Sightings:
    """Edge cases of one partition in log order, as columns.

    Attributes:
        rows: SIGHTING_COLUMNS of the n records.
        offsets, stamps_us: int64 [n].
    """

    rows: pa.RecordBatch
    topic_id: str
    partition: int
    offsets: NDArray[np.int64]
    stamps_us: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets)

    def slice(self, begin: int, end: int) -> "Sightings":
        """Those from one row up to another; a view."""
        return Sightings(
            self.rows.slice(begin, end - begin),
            self.topic_id,
            self.partition,
            self.offsets[begin:end],
            self.stamps_us[begin:end],
        )

    def strings(self, column: str) -> list[str]:
        """A column of names; empty for those that are not stated."""
        return [value or "" for value in self.rows.column(column).to_pylist()]

    def numbers(self, column: str) -> NDArray[np.float64]:
        """A column of numbers or truths."""
        found: NDArray[np.float64] = self.rows.column(column).to_numpy(zero_copy_only=False)
        return found

    def dimensions(self) -> NDArray[np.int64]:
        """int64 [n]: how many numbers each embedding has; 0 when one of them is none."""
        column = self.rows.column("embedding")
        offsets = column.offsets.to_numpy()
        flat = column.flatten().to_numpy(zero_copy_only=False)
        strange = np.concatenate([[0], np.cumsum(~np.isfinite(flat))])
        ends = offsets - offsets[0]
        dimensions: NDArray[np.int64] = np.diff(ends).astype(np.int64)
        return np.where(np.diff(strange[ends]) == 0, dimensions, 0)

    def embeddings(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """float32 [rows, dimensions] of some rows, which have equally many numbers."""
        taken = self.rows.column("embedding").take(pa.array(rows))
        flat = taken.flatten().to_numpy(zero_copy_only=False)
        found: NDArray[np.float32] = flat.astype(np.float32, copy=False).reshape(len(rows), -1)
        return found

    def sightings(self, rows: NDArray[np.int64]) -> list[Sighting]:
        """Some rows, as values."""
        return [
            Sighting(
                event_id=row["event_id"],
                device_id=row["device_id"],
                encounter_id=row["encounter_id"],
                frame_uri=row["frame_uri"],
                frame_digest=row["frame_digest"],
                frame_media_type=row["frame_media_type"],
                margin=row["margin"],
                consent=row["consent"],
                embedding=np.asarray(row["embedding"], dtype=np.float32),
                topic_id=self.topic_id,
                partition=self.partition,
                offset=int(self.offsets[at]),
                stamp_us=int(self.stamps_us[at]),
                model_digest=row["model_digest"] or "",
            )
            for at, row in zip(rows, self.rows.take(pa.array(rows)).to_pylist(), strict=True)
        ]


@dataclass(frozen=True, slots=True)
class Candidates:
    """What may be asked about, in a fixed order, and what was left out by reason."""

    sightings: Sequence[Sighting]
    excluded: Counter[str]

    def embeddings(self) -> NDArray[np.float32]:
        """Array [candidates, dimensions].

        Each model's embeddings have dimensions of their own, so that no cluster is one of two
        models, whose embeddings say nothing of each other.
        """
        spaces = [(one.model_digest, one.embedding.size) for one in self.sightings]
        begins, width = {}, 0
        for space in sorted(set(spaces)):
            begins[space] = width
            width += space[1]
        placed = np.zeros((len(spaces), width), np.float32)
        for row, one, space in zip(placed, self.sightings, spaces, strict=True):
            row[begins[space] : begins[space] + space[1]] = one.embedding
        return placed

    def margins(self) -> NDArray[np.float64]:
        """Array [candidates]."""
        return np.array([s.margin for s in self.sightings])
