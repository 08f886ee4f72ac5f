"""How drift-partials records are made, and what they say of whom."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from schemas.durations import UNITS_US
from schemas.records import DriftPartial, PartialKind
from schemas.references import CONFIDENCE_BINS
from streams.drift.scores import Ints

SOURCE: Final = "live"
BUCKET_US: Final = UNITS_US["m"]


class Place(NamedTuple):
    """What is compared: the answers of one release in one region and hardware generation."""

    release_id: str
    region: str
    hardware: str


@dataclass(slots=True)
class Answers:
    """Counts of answers. `confidence` int64 [10], `classes` int64 [c]."""

    windows: int = 0
    frames: int = 0
    flips: int = 0
    confidence: Ints = field(default_factory=lambda: np.zeros(CONFIDENCE_BINS, np.int64))
    classes: Ints = field(default_factory=lambda: np.zeros(0, np.int64))

    def add(self, more: "Answers") -> None:
        """Count more of the same place."""
        self.windows += more.windows
        self.frames += more.frames
        self.flips += more.flips
        self.confidence = self.confidence + more.confidence
        wide = np.zeros(max(len(self.classes), len(more.classes)), np.int64)
        wide[: len(self.classes)] += self.classes
        wide[: len(more.classes)] += more.classes
        self.classes = wide

    def state(self) -> list[Any]:
        """All of it as plain values."""
        counts = [self.confidence.tolist(), self.classes.tolist()]
        return [self.windows, self.frames, self.flips, *counts]


def answers(state: Any) -> Answers:
    """What `Answers.state` gave."""
    windows, frames, flips, confidence, classes = state
    return Answers(
        windows, frames, flips, np.array(confidence, np.int64), np.array(classes, np.int64)
    )


def cell(
    place: Place,
    bucket: int,
    counts: Answers,
    *,
    generation: str,
    partition: int,
    last_offset: int,
    ingest_ts: int,
) -> DriftPartial:
    """All answers of a place in the `bucket`-th minute through `last_offset`."""
    name = (generation, partition, *place, bucket, last_offset)
    return DriftPartial(
        event_id=_identity(*name),
        source=SOURCE,
        kind=PartialKind.CELL,
        generation=generation,
        ingest_ts=ingest_ts,
        source_partition=partition,
        last_offset=last_offset,
        **place._asdict(),
        bucket_start=bucket * BUCKET_US,
        windows=counts.windows,
        frames=counts.frames,
        confidence=tuple(counts.confidence.tolist()),
        classes=tuple(counts.classes.tolist()),
        flips=counts.flips,
    )


def progress(
    *, generation: str, partition: int, last_offset: int, ingest_ts: int, target: int
) -> DriftPartial:
    """How far a source partition has been read, for one partition of drift-partials."""
    return DriftPartial(
        event_id=_identity(generation, partition, "progress", target, last_offset, ingest_ts),
        source=SOURCE,
        kind=PartialKind.PROGRESS,
        generation=generation,
        ingest_ts=ingest_ts,
        source_partition=partition,
        last_offset=last_offset,
        release_id="",
        region="",
        hardware="",
        windows=0,
        frames=0,
        confidence=(),
        classes=(),
        flips=0,
    )


def from_rows(rows: pa.RecordBatch) -> Iterator[DriftPartial]:
    """Records of a batch of drift-partials columns, in log order."""
    for row in rows.to_pylist():
        yield DriftPartial(
            **{
                **row,
                "kind": PartialKind(row["kind"]),
                "confidence": tuple(row["confidence"]),
                "classes": tuple(row["classes"]),
            }
        )


def counted(record: DriftPartial) -> Answers:
    """The counts of a cell."""
    return Answers(
        windows=record.windows,
        frames=record.frames,
        flips=record.flips,
        confidence=np.array(record.confidence, np.int64),
        classes=np.array(record.classes, np.int64),
    )


def _identity(*parts: object) -> str:
    text = "\x1f".join(str(part) for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
