"""The device registry record. Units and meanings: the docs in schemas/avro."""

from dataclasses import dataclass

from schemas.records.enums import DeviceClass, Lifecycle, Slot


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What is known of one device. Topic: devices."""

    event_id: str
    source: str
    device_id: str
    device_class: DeviceClass
    hardware: str
    region: str
    lifecycle: Lifecycle
    slot_a_digest: str | None = None
    slot_b_digest: str | None = None
    active_slot: Slot
    heartbeat_interval_ms: int
    consent_pictures: bool
    consent_location: bool
    consent_compute: bool
    registered_ts: int
    updated_ts: int
