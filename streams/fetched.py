"""A stretch of one partition as the transport delivers it, and how it becomes a `LogBatch`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.columns import ColumnDecoder, Refusal
from schemas.topics import Cleanup, TopicSpec
from streams.processor import LogBatch, Refused

Validate = Callable[[TopicSpec, pa.RecordBatch, npt.NDArray[np.int64]], Sequence[Refusal]]


class GapError(RuntimeError):
    """The log does not go on where the state ends."""


@dataclass(frozen=True, slots=True)
class Records:
    """Records of one partition in log order, by column.

    Attributes:
        offsets, stamps_ms: int64[n]; stamps are the broker's.
        keys, values: As sent; None for null.
    """

    offsets: npt.NDArray[np.int64]
    stamps_ms: npt.NDArray[np.int64]
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]

    def __len__(self) -> int:
        return len(self.values)

    def since(self, first: int) -> "Records":
        """Those from an index on."""
        if first == 0:
            return self
        return Records(
            self.offsets[first:], self.stamps_ms[first:], self.keys[first:], self.values[first:]
        )


@dataclass(frozen=True, slots=True)
class FetchedBatch:
    """Records of one partition, at least one.

    Attributes:
        fetched_at: Monotonic seconds when the client handed them over.
        size: Bytes of the records, unpacked.
    """

    topic: str
    partition: int
    records: Records
    fetched_at: float
    size: int = 0

    @property
    def last_offset(self) -> int:
        """Offset of the last record."""
        return int(self.records.offsets[-1])


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
        known = int(np.searchsorted(fetched.records.offsets, applied_through, side="right"))
        records = fetched.records.since(known)
        if not len(records):
            return None
        offsets = records.offsets
        if spec.cleanup is not Cleanup.COMPACT:
            _refuse_gaps(fetched, applied_through, offsets)
        stamps_us = records.stamps_ms * 1_000
        columns = self._decoder.decode(spec.name, records.values)
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


def _tombstones(records: Records) -> list[str]:
    """Keys of what is to be forgotten; one that is no text names nothing that we wrote."""
    return [
        (key or b"").decode(errors="replace")
        for key, value in zip(records.keys, records.values, strict=True)
        if value is None
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
