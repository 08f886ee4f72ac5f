"""Update acknowledgements. Units and meanings: the docs in schemas/avro."""

from dataclasses import dataclass

from schemas.records.enums import AckState, DeviceClass, Slot


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceConditions:
    """What held on the device when it wrote the record."""

    parked: bool
    state_of_charge: float
    network: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OtaAck:
    """A device's step in one update attempt. Topic: ota-acks."""

    event_id: str
    source: str
    device_id: str
    device_class: DeviceClass
    hardware: str
    region: str
    release_id: str
    model_digest: str | None = None
    attempt: int
    seq: int
    state: AckState
    reason_code: str
    slot: Slot
    boot_id: str
    wave: int
    preconditions: DeviceConditions
    device_ts: int
    evidence_head: str | None = None
