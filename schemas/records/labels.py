"""Questions to reviewers and their answers. Units and meanings: the docs in schemas/avro."""

from dataclasses import dataclass
from typing import Final

from schemas.records.enums import Trigger

SKIP: Final = "SKIP"
"""The label of who cannot tell, and of a record that takes an answer back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRequest:
    """A question to a person. Topic: label-requests."""

    event_id: str
    source: str
    device_id: str
    ask_id: str
    edge_case_id: str
    encounter_id: str
    frames: tuple[str, ...]
    budget_line: str
    priority: float
    asked_ts: int
    review: int = 1
    adjudicates: bool = False
    trigger: Trigger = Trigger.UNKNOWN
    predicted: str | None = None
    confidence: float | None = None
    release_id: str | None = None
    model_digest: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelReview:
    """One person's answer, or that it is taken back. Topic: label-reviews."""

    event_id: str
    source: str
    device_id: str
    edge_case_id: str
    encounter_id: str
    reviewer: str
    label: str
    seconds_spent: float
    reviewed_ts: int
    guideline_version: str
    budget_line: str = ""
    withdraws: str | None = None
    reason: str = ""
