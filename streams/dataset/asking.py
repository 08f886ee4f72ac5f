"""Of whom a question is asked and what it costs: answers are paid, and none is paid twice."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from schemas.ballots import Ballot
from schemas.question_sheets import Question
from schemas.records import DatasetManifest, LabelRequest
from streams.dataset.candidates import Sighting
from streams.dataset.identity import request_id
from streams.dataset.policy import DatasetPolicy
from streams.dataset.ports import Seen


class Size(NamedTuple):
    """How many encounters are asked about, and of how many one person more is asked."""

    encounters: int
    second_reviews: int

    def cost(self, reviews: int) -> int:
        """Answers asked for."""
        return self.encounters * reviews + self.second_reviews


def affordable(policy: DatasetPolicy, paid: int, candidates: int) -> Size:
    """The largest question that the policy and the rest of the budget allow."""
    encounters = min(policy.labels_per_ask, candidates, (policy.budget - paid) // policy.reviews)
    while encounters > 0:
        size = Size(encounters, int(encounters * policy.second_review_share))
        if size.cost(policy.reviews) <= policy.budget - paid:
            return size
        encounters -= 1
    return Size(0, 0)


def size_of(ask: DatasetManifest, paid: int) -> Size:
    """The size of a question, as its record has it."""
    asked = ask.label_cost - paid - ask.second_reviews
    return Size(asked // ask.reviews, ask.second_reviews)


def questions(ask: DatasetManifest, chosen: Iterable[Sighting]) -> list[Question]:
    """The questions of an ASK record. Who is asked twice is drawn by its id, so always the same."""
    sightings = sorted(chosen, key=lambda s: _draw(ask.event_id, s.encounter_id))
    return [
        _question(sighting, ask.reviews, ask.reviews + (place < ask.second_reviews))
        for place, sighting in enumerate(sightings)
    ]


def settle(asked: Iterable[Question], count: int) -> list[Question]:
    """Ask one person more about the first disagreements; these questions.

    Args:
        asked: Questions as the answers so far have them.
        count: Disagreements that are paid for.
    """
    ties = sorted((q for q in asked if q.ballot.tied), key=lambda q: q.encounter_id)[:count]
    for question in ties:
        question.ballot.adjudicate()
    return ties


def request(ask: DatasetManifest, question: Question, margin: float, review: int) -> LabelRequest:
    """The request for one of a question's answers, without what the device saw."""
    return LabelRequest(
        event_id=request_id(ask.event_id, question.encounter_id, review),
        source="live",
        device_id=question.device_id,
        ask_id=ask.event_id,
        edge_case_id=question.event_id,
        encounter_id=question.encounter_id,
        frames=(question.frame_uri,),
        budget_line=ask.line,
        priority=1.0 - margin,
        asked_ts=ask.assembled_ts,
        review=review,
        adjudicates=review > question.planned,
    )


def told(asked: LabelRequest, seen: Seen | None, classes: Sequence[str]) -> LabelRequest:
    """A request with what the device saw; it says a class by its index among the line's classes."""
    if seen is None:
        return asked
    named = classes[seen.top1] if seen.top1 < len(classes) else None
    return replace(
        asked,
        trigger=seen.trigger,
        predicted=named,
        confidence=None if named is None else seen.confidence,
        release_id=seen.release_id,
        model_digest=seen.model_digest,
    )


def _question(sighting: Sighting, needed: int, planned: int) -> Question:
    return Question(
        event_id=sighting.event_id,
        device_id=sighting.device_id,
        encounter_id=sighting.encounter_id,
        frame_uri=sighting.frame_uri,
        frame_digest=sighting.frame_digest,
        frame_media_type=sighting.frame_media_type,
        topic_id=sighting.topic_id,
        partition=sighting.partition,
        offset=sighting.offset,
        stamp_us=sighting.stamp_us,
        planned=planned,
        ballot=Ballot(needed, planned),
    )


def _draw(ask_id: str, encounter_id: str) -> str:
    return hashlib.sha256(f"second/{ask_id}/{encounter_id}".encode()).hexdigest()
