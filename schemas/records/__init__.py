"""One frozen dataclass per record; timestamps are UTC microseconds, enums are StrEnums, no I/O."""

from schemas.records.acks import DeviceConditions, OtaAck
from schemas.records.alerts import (
    Alert,
    AlertBudget,
    AlertControl,
    AlertExemplar,
    AlertLatency,
    AlertSlo,
    AlertTier,
    Matcher,
    Suspect,
)
from schemas.records.campaigns import CollectionCampaign, Erasure
from schemas.records.datasets import Agreement, DatasetManifest, LeakageAudit, OffsetRange
from schemas.records.dead_letters import DeadLetter
from schemas.records.devices import Device
from schemas.records.disengagements import Disengagement, Incident
from schemas.records.edge_cases import Context, EdgeCase, Frame
from schemas.records.enums import (
    AckState,
    AlertKind,
    AlertState,
    Arm,
    CommandKind,
    ControlKind,
    DeviceClass,
    Initiator,
    Lifecycle,
    ManifestKind,
    PartialKind,
    Precision,
    ReleaseKind,
    Severity,
    Slot,
    Trigger,
)
from schemas.records.inference import Exemplar, InferenceEvent, LatencyHistogram
from schemas.records.labels import SKIP, LabelRequest, LabelReview
from schemas.records.partials import (
    DriftPartial,
    RolloutPartial,
    ShadowSlice,
    SideCount,
    SloPartial,
)
from schemas.records.releases import Artifact, Evidence, ModelRelease, Preconditions, RolloutCommand

__all__ = [
    "SKIP",
    "AckState",
    "Agreement",
    "Alert",
    "AlertBudget",
    "AlertControl",
    "AlertExemplar",
    "AlertKind",
    "AlertLatency",
    "AlertSlo",
    "AlertState",
    "AlertTier",
    "Arm",
    "Artifact",
    "CollectionCampaign",
    "CommandKind",
    "Context",
    "ControlKind",
    "DatasetManifest",
    "DeadLetter",
    "Device",
    "DeviceClass",
    "DeviceConditions",
    "Disengagement",
    "DriftPartial",
    "EdgeCase",
    "Erasure",
    "Evidence",
    "Exemplar",
    "Frame",
    "Incident",
    "InferenceEvent",
    "Initiator",
    "LabelRequest",
    "LabelReview",
    "LatencyHistogram",
    "LeakageAudit",
    "Lifecycle",
    "ManifestKind",
    "Matcher",
    "ModelRelease",
    "OffsetRange",
    "OtaAck",
    "PartialKind",
    "Precision",
    "Preconditions",
    "ReleaseKind",
    "RolloutCommand",
    "RolloutPartial",
    "Severity",
    "ShadowSlice",
    "SideCount",
    "SloPartial",
    "Slot",
    "Suspect",
    "Trigger",
]
