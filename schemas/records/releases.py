"""Releases and the orders about them. Units and meanings: the docs in schemas/avro."""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.records.enums import CommandKind, DeviceClass, ReleaseKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """Where the model file of a release is and what it must be."""

    uri: str
    digest: str
    bytes: int
    format: str
    opset: int
    input_shape: tuple[int, ...]
    runtime: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Preconditions:
    """What must hold on a device before it may install."""

    parked: bool
    min_state_of_charge: float
    network: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a decision of the gate rests on."""

    n: int
    failures_low: int
    failures_high: int
    e_harm: float
    e_safe: float
    thresholds: Mapping[str, float]
    config_digest: str
    offsets: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRelease:
    """One step in the life of a release, decided once. Topic: model-releases."""

    event_id: str
    source: str
    release_id: str
    kind: ReleaseKind
    decision_id: str
    decision_seq: int
    decided_ts: int
    signer: str
    signature: str
    device_class: DeviceClass
    stratum: str | None = None
    wave: int | None = None
    share: float | None = None
    rate_per_min: int | None = None
    artifact: Artifact | None = None
    parent_release_id: str | None = None
    counter: int
    salt: str
    strata: tuple[str, ...]
    deadline_us: Mapping[str, int]
    preconditions: Preconditions | None = None
    purpose: str
    affected_functions: tuple[str, ...]
    safety_relevant: bool
    recall_id: str | None = None
    author: str
    approvers: tuple[str, ...]
    dataset_id: str | None = None
    metrics: Mapping[str, float]
    evidence: Evidence | None = None
    rollback_to_release_id: str | None = None
    rollback_to_digest: str | None = None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutCommand:
    """What a person orders. Topic: rollout-commands."""

    event_id: str
    source: str
    release_id: str
    command: CommandKind
    by: str
    reason: str
    stratum: str | None = None
    issued_ts: int
    signer: str
    signature: str
