"""How slo-partials records are made and read back."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from schemas.records import AlertExemplar, LatencyHistogram, PartialKind, SideCount, SloPartial
from schemas.topics import INFERENCE_EVENTS
from streams.slo.judging import CellCount
from streams.slo.objectives import Slo

SOURCE = "live"


def cell(
    count: CellCount,
    slo: Slo,
    *,
    generation: str,
    partition: int,
    last_offset: int,
    ingest_ts: int,
    watermark: int,
) -> SloPartial:
    """The running count of one cell through (last_offset, ingest_ts)."""
    start = count.bucket * slo.bucket_us
    return SloPartial(
        event_id=identity(
            generation, partition, slo.name, *count.key, start, last_offset, ingest_ts
        ),
        source=SOURCE,
        kind=PartialKind.CELL,
        generation=generation,
        ingest_ts=ingest_ts,
        source_topic=INFERENCE_EVENTS.name,
        source_partition=partition,
        last_offset=last_offset,
        watermark=watermark,
        slo=slo.name,
        key=dict(zip(slo.group_by, count.key, strict=True)),
        bucket_start=start,
        total=count.total,
        bad=count.bad,
        latency=count.latency,
        exemplars=count.exemplars,
        sides=count.sides,
    )


def progress(
    *,
    generation: str,
    partition: int,
    last_offset: int,
    ingest_ts: int,
    watermark: int,
    target: int,
) -> SloPartial:
    """How far a source partition has been read, for one partition of slo-partials."""
    return SloPartial(
        event_id=identity(generation, partition, "progress", target, last_offset, ingest_ts),
        source=SOURCE,
        kind=PartialKind.PROGRESS,
        generation=generation,
        ingest_ts=ingest_ts,
        source_topic=INFERENCE_EVENTS.name,
        source_partition=partition,
        last_offset=last_offset,
        watermark=watermark,
        slo="",
        key={},
        total=0,
        bad=0,
        exemplars=(),
    )


def from_rows(rows: pa.RecordBatch) -> Iterator[SloPartial]:
    """Records of a batch of slo-partials columns, in log order."""
    for row in rows.to_pylist():
        yield from_row(row)


def from_row(row: Mapping[str, Any]) -> SloPartial:
    """One record of its columns."""
    latency = row["latency"]
    return SloPartial(
        **{
            **row,
            "kind": PartialKind(row["kind"]),
            "key": dict(row["key"]),
            "latency": None if latency is None else histogram(latency),
            "exemplars": tuple(AlertExemplar(**one) for one in row["exemplars"]),
            "sides": tuple(SideCount(**one) for one in row["sides"]),
        }
    )


def histogram(value: Mapping[str, Any]) -> LatencyHistogram:
    """A histogram of its fields."""
    return LatencyHistogram(**{**value, "counts": tuple(value["counts"])})


def identity(*parts: object) -> str:
    """Id of a record: the same for the same parts, whoever writes it."""
    text = "\x1f".join(str(part) for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
