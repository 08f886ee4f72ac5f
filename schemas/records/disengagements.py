"""Ends of autonomy, and official crash reports. Units and meanings: the docs in schemas/avro."""

from dataclasses import dataclass

from schemas.records.enums import DeviceClass, Initiator, Precision


@dataclass(frozen=True, slots=True, kw_only=True)
class Disengagement:
    """The human or the system ended autonomy. Topic: disengagements."""

    event_id: str
    source: str
    device_id: str
    device_class: DeviceClass
    hardware: str
    region: str
    release_id: str | None = None
    model_digest: str | None = None
    event_ts: int
    precision: Precision
    initiator: Initiator
    mode_before: str
    mode_after: str
    cause: str | None = None
    cause_text: str | None = None
    cause_model: str | None = None
    speed_mps: float | None = None
    road_type: str | None = None
    encounter_id: str | None = None
    context_uri: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """An official crash report; the latest version wins. Topic: incidents."""

    event_id: str
    source: str
    report_id: str
    report_version: int
    incident_id: str
    operator: str
    software_version: str | None = None
    severity: str
    month: str
    state: str
    engaged: bool | None = None
    narrative: str
