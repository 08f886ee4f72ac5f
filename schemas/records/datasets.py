"""Cuts and assembled datasets. Units and meanings: the docs in schemas/avro."""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.records.enums import ManifestKind


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakageAudit:
    """Proof that nothing related stands on both sides of a split."""

    checked: int
    violations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far people who answered the same questions agree."""

    encounters: int
    agreeing: int
    alpha: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetRange:
    """A closed range of offsets of one partition."""

    topic: str
    topic_id: str
    partition: int
    first_offset: int
    last_offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetManifest:
    """A question, an order, a cut, or the dataset assembled from it. Topic: dataset-manifests."""

    event_id: str
    source: str
    kind: ManifestKind
    line: str
    dataset_id: str
    seq: int
    parent: str | None = None
    manifest_uri: str | None = None
    manifest_digest: str | None = None
    counts: Mapping[str, int]
    label_cost: int
    budget: int
    slices: Mapping[str, int]
    excluded: Mapping[str, int]
    leakage_audit: LeakageAudit | None = None
    inputs: tuple[OffsetRange, ...]
    assembled_ts: int
    classes: tuple[str, ...] = ()
    reviews: int = 1
    second_reviews: int = 0
    questions_uri: str | None = None
    questions_digest: str | None = None
    agreement: Agreement | None = None
    ordered_by: str = ""
    reason: str = ""
