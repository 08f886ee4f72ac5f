"""A stretch of one partition as the transport delivers it, and how it becomes a `LogBatch`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.columns import ColumnDecoder, Refusal
from schemas.topics import Cleanup, TopicSpec
from streams.processor import LogBatch, Refused

Validate = Callable[[TopicSpec, pa.RecordBatch, npt.NDArray[np.int64]], Sequence[Refusal]]


class GapError(RuntimeError):
    """The log does not go on where the state ends."""


class Record(Protocol):
    """One record as the Kafka client gives it; `timestamp` is in milliseconds."""

    @property
    def offset(self) -> int:
        """Offset in its partition."""

    @property
    def timestamp(self) -> int:
        """The broker's stamp."""

    @property
    def key(self) -> bytes | None:
        """Key as sent."""

    @property
    def value(self) -> bytes | None:
        """Value as sent; None for a tombstone."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]:
        """Headers as sent."""


@dataclass(frozen=True, slots=True)
class FetchedBatch:
    """Records of one partition in log order, at least one.

    Attributes:
        fetched_at: Monotonic seconds when the client handed them over.
        size: Bytes of their keys, values and headers.
    """

    topic: str
    partition: int
    records: Sequence[Record]
    fetched_at: float
    size: int = 0

    @property
    def last_offset(self) -> int:
        """Offset of the last record."""
        return self.records[-1].offset


class BatchReader:
    """Decodes and judges fetched batches; what is refused is counted and passed over.

    The sink dead-letters refused records, once for all; here they only move the offset.

    Args:
        validate: `schemas.validation.validate`.

    Attributes:
        refused: Records passed over so far, by topic.
    """

    def __init__(
        self, topics: Sequence[TopicSpec], decoder: ColumnDecoder, validate: Validate
    ) -> None:
        self._specs = {spec.name: spec for spec in topics}
        self._decoder = decoder
        self._validate = validate
        self.refused: dict[str, int] = dict.fromkeys(self._specs, 0)

    def read(
        self, fetched: FetchedBatch, applied_through: int, high_stamp_us: int
    ) -> LogBatch | None:
        """The part of a stretch that lies beyond `applied_through`; None when nothing does.

        Raises:
            GapError: Records are missing between `applied_through` and the first one, or within.
        """
        spec = self._specs[fetched.topic]
        records = [record for record in fetched.records if record.offset > applied_through]
        if not records:
            return None
        offsets = np.fromiter((record.offset for record in records), np.int64, len(records))
        if spec.cleanup is not Cleanup.COMPACT:
            _refuse_gaps(fetched, applied_through, offsets)
        stamps_us = np.fromiter((record.timestamp for record in records), np.int64, len(records))
        stamps_us *= 1_000
        columns = self._decoder.decode(spec.name, [record.value for record in records])
        rows, kept = columns.rows, columns.positions
        refusals = self._validate(spec, rows, stamps_us[kept])
        refused = None
        if refusals:
            broken = np.fromiter((one.position for one in refusals), np.int64, len(refusals))
            refused = Refused(
                rows=rows.take(pa.array(broken)),
                stamps_us=stamps_us[kept[broken]],
                fields=[one.error.field or "" for one in refusals],
            )
            valid = np.delete(np.arange(rows.num_rows), broken)
            rows, kept = rows.take(pa.array(valid)), kept[valid]
        tombstones = _tombstones(records) if spec.cleanup is Cleanup.COMPACT else []
        self.refused[spec.name] += len(columns.refusals) - len(tombstones) + len(refusals)
        return LogBatch(
            topic=fetched.topic,
            partition=fetched.partition,
            rows=rows,
            offsets=offsets[kept],
            stamps_us=stamps_us[kept],
            last_offset=int(offsets[-1]),
            high_stamp_us=max(high_stamp_us, int(stamps_us.max())),
            refused=refused,
            tombstones=tombstones,
        )


def _tombstones(records: Sequence[Record]) -> list[str]:
    """Keys of what is to be forgotten; one that is no text names nothing that we wrote."""
    return [
        (record.key or b"").decode(errors="replace") for record in records if record.value is None
    ]


def _refuse_gaps(
    fetched: FetchedBatch, applied_through: int, offsets: npt.NDArray[np.int64]
) -> None:
    jumps = np.flatnonzero(np.diff(offsets, prepend=applied_through) != 1)
    if jumps.size:
        at = int(jumps[0])
        before = int(offsets[at - 1]) if at else applied_through
        raise GapError(
            f"topic {fetched.topic} partition {fetched.partition}: offset {int(offsets[at])} "
            f"follows {before}, the records between are gone; the state cannot go on from "
            "there: remove its checkpoints to make it again from what the log still holds"
        )
