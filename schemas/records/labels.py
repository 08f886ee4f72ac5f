"""Questions to reviewers and their answers. Units and meanings: the docs in schemas/avro."""

from dataclasses import dataclass


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


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelReview:
    """One person's answer. Topic: label-reviews."""

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
