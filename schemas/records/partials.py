"""Cumulative counts that stage one hands to stage two. Units and meanings: schemas/avro."""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.records.alerts import AlertExemplar
from schemas.records.enums import Arm, PartialKind
from schemas.records.inference import LatencyHistogram


@dataclass(frozen=True, slots=True, kw_only=True)
class SideCount:
    """Counts of one value of a label that is no part of the key."""

    label: str
    value: str
    total: int
    bad: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SloPartial:
    """Running counts of one (source partition, key, bucket), or progress. Topic: slo-partials."""

    event_id: str
    source: str
    kind: PartialKind
    generation: str
    ingest_ts: int
    source_topic: str
    source_partition: int
    last_offset: int
    watermark: int
    slo: str
    key: Mapping[str, str]
    bucket_start: int | None = None
    total: int
    bad: int
    latency: LatencyHistogram | None = None
    exemplars: tuple[AlertExemplar, ...]
    sides: tuple[SideCount, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftPartial:
    """Answers of one release in one place and minute, or progress. Topic: drift-partials."""

    event_id: str
    source: str
    kind: PartialKind
    generation: str
    ingest_ts: int
    source_partition: int
    last_offset: int
    release_id: str
    region: str
    hardware: str
    bucket_start: int | None = None
    windows: int
    frames: int
    confidence: tuple[int, ...]
    classes: tuple[int, ...]
    flips: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowSlice:
    """Encounters of one class or region that a release in shadow and the live model both saw."""

    slice: str
    encounters: int
    differing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutPartial:
    """Running counts of one release, stratum and arm, or progress. Topic: rollout-partials."""

    event_id: str
    source: str
    kind: PartialKind
    generation: str
    ingest_ts: int
    source_topic: str
    source_partition: int
    last_offset: int
    watermark: int
    release_id: str
    stratum: str
    arm: Arm
    window_start: int | None = None
    offered: int
    accepted: int
    committed: int
    failed: int
    silent: int
    deferred: int
    critical: int
    rolled_back: int
    exposure_m: float
    events: int
    windows_judged: int
    windows_over: int
    shadow_devices: int = 0
    shadow_failed: int = 0
    shadow_slices: tuple[ShadowSlice, ...] = ()
