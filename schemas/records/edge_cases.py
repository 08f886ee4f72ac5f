"""Moments worth a look. Units and meanings: the docs in schemas/avro."""

from dataclasses import dataclass

from schemas.records.enums import DeviceClass, Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A picture in the object store."""

    uri: str
    digest: str
    bytes: int
    width: int
    height: int
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Where and how the moment happened."""

    speed_mps: float | None = None
    weather: str | None = None
    light: str | None = None
    place_cell: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeCase:
    """One moment worth a look. Topic: edge-cases."""

    event_id: str
    source: str
    device_id: str
    device_class: DeviceClass
    hardware: str
    region: str
    release_id: str | None = None
    model_digest: str | None = None
    captured_ts: int
    trigger: Trigger
    campaign_id: str | None = None
    encounter_id: str
    frame: Frame
    top1: int
    confidence: float
    margin: float
    entropy: float
    embedding: tuple[float, ...]
    context: Context
    consent: bool
    uplink_bytes: int
