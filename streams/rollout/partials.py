"""rollout-partials: what stage one hands to stage two, cumulative and repeatable."""

import dataclasses
import hashlib

from schemas.records import Arm, PartialKind, RolloutPartial
from streams.processor import Position, Source
from streams.rollout.cells import CellCounts, CellKey

_NOTHING = CellCounts()


def cell(
    source: Source,
    position: Position,
    ingest_ts: int,
    watermark: int,
    key: CellKey,
    counts: CellCounts,
) -> RolloutPartial:
    """The running counts of one release in one stratum, as one source partition has them."""
    return _partial(source, position, ingest_ts, watermark, key, counts)


def progress(
    source: Source, position: Position, ingest_ts: int, watermark: int, target: int
) -> RolloutPartial:
    """How far a source partition has been read, for one partition of rollout-partials."""
    return _partial(source, position, ingest_ts, watermark, ("", f"{target}"), None)


def _partial(
    source: Source,
    position: Position,
    ingest_ts: int,
    watermark: int,
    key: CellKey,
    counts: CellCounts | None,
) -> RolloutPartial:
    topic, partition = source
    offset = position.applied_through
    parts = (position.generation, topic, partition, *key, offset, ingest_ts)
    identity = "\n".join(str(part) for part in parts)
    return RolloutPartial(
        event_id=hashlib.sha256(identity.encode()).hexdigest(),
        source="live",
        kind=PartialKind.PROGRESS if counts is None else PartialKind.CELL,
        generation=position.generation,
        ingest_ts=ingest_ts,
        source_topic=topic,
        source_partition=partition,
        last_offset=offset,
        watermark=watermark,
        release_id=key[0],
        stratum="" if counts is None else key[1],
        arm=Arm.UNKNOWN if counts is None else Arm.CANDIDATE,
        **dataclasses.asdict(counts or _NOTHING),
    )
