"""What stage one of the watch hands on: records of slo-partials, all in one of its partitions."""

from collections.abc import Mapping, Sequence
from typing import Final

from schemas.records import AlertExemplar, PartialKind, SloPartial
from schemas.topics import INFERENCE_EVENTS
from streams.slo.partials import identity
from streams.watch.quality import MINUTE_US, Minute
from streams.watch.silence import Silence

SILENCE: Final = "fleet-silence"
HEARD: Final = "heard"
LAG: Final = "consumer-lag"
PROBE: Final = "probe"
"""The generation of what the canary's process observes of consumer groups."""


def silence(
    found: Silence, key: Mapping[str, str], *, generation: str, partition: int, moment_us: int
) -> SloPartial:
    """Expected and silent devices of one fleet in one partition at one tick; it never changes."""
    shown = tuple(
        AlertExemplar(event_id="", device_id=one.device_id, trace_id="", latency_us=one.silent_us)
        for one in found.longest
    )
    return _cell(
        SILENCE,
        key,
        moment_us,
        (found.expected, found.silent),
        generation=generation,
        partition=partition,
        version=(0, moment_us),
        exemplars=shown,
    )


def quality(
    name: tuple[str, str, int],
    minute: Minute,
    *,
    generation: str,
    partition: int,
    version: tuple[int, int],
) -> SloPartial:
    """Windows of one device class in one minute of ingest, and how many were wrong."""
    signal, device_class, number = name
    return _cell(
        signal,
        {"device_class": device_class},
        number * MINUTE_US,
        (minute.total, minute.bad),
        generation=generation,
        partition=partition,
        version=version,
    )


def heard(
    who: str, stamp_us: int, count: int, *, generation: str, partition: int, last_offset: int
) -> SloPartial:
    """When the canary, or the fleet, was heard last in one partition."""
    return _cell(
        HEARD,
        {"who": who},
        stamp_us,
        (count, 0),
        generation=generation,
        partition=partition,
        version=(last_offset, stamp_us),
    )


def lag(group: str, topic: str, moment_us: int, partitions: int, behind: int) -> SloPartial:
    """Partitions of a topic, and how many a consumer group has left unread for too long."""
    return _cell(
        LAG,
        {"group": group, "topic": topic},
        moment_us,
        (partitions, behind),
        generation=PROBE,
        partition=0,
        version=(0, moment_us),
    )


def _cell(
    signal: str,
    key: Mapping[str, str],
    bucket_start: int,
    counts: tuple[int, int],
    *,
    generation: str,
    partition: int,
    version: tuple[int, int],
    exemplars: Sequence[AlertExemplar] = (),
) -> SloPartial:
    name = (generation, partition, signal, *key.values(), bucket_start, *version, *counts)
    return SloPartial(
        event_id=identity(*name),
        source="live",
        kind=PartialKind.CELL,
        generation=generation,
        ingest_ts=version[1],
        source_topic=INFERENCE_EVENTS.name,
        source_partition=partition,
        last_offset=version[0],
        watermark=bucket_start,
        slo=signal,
        key=dict(key),
        bucket_start=bucket_start,
        total=counts[0],
        bad=counts[1],
        exemplars=tuple(exemplars),
    )
