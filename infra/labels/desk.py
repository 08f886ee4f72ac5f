"""Reads questions from the log and writes answers to it."""

import hashlib
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from infra.kafka.follower import Follower
from infra.kafka.publisher import Publisher
from infra.settings import Settings
from schemas.codec import Codec
from schemas.question_book import Asked, QuestionBook
from schemas.records import SKIP, LabelReview
from schemas.registry import registry_from
from schemas.topics import DATASET_MANIFESTS, ERASURES, LABEL_REQUESTS, LABEL_REVIEWS
from schemas.validation import check

_READ_S: Final = 60.0
_GUIDELINE: Final = "1"


def read(settings: Settings) -> QuestionBook:
    """All questions and answers that the log holds."""
    codec = Codec(registry_from(settings.registry_url))
    topics = [LABEL_REQUESTS, LABEL_REVIEWS, DATASET_MANIFESTS, ERASURES]
    follower = Follower(settings.kafka, codec, topics, "fleetloop.labels")
    book = QuestionBook()
    try:
        book.observe(follower.catch_up(_READ_S))
    finally:
        follower.close()
    return book


def write(settings: Settings, reviews: Sequence[LabelReview]) -> None:
    """Publish answers, in their order.

    Raises:
        RecordError: One breaks a rule of its topic; none is published then.
    """
    for review in reviews:
        check(LABEL_REVIEWS, review, review.reviewed_ts)
    codec = Codec(registry_from(settings.registry_url))
    with Publisher(settings.kafka, codec, f"fleetloop.labels-{os.getpid()}") as publisher:
        for review in reviews:
            publisher.publish(LABEL_REVIEWS, review)


def answer(asked: Asked, reviewer: str, label: str, *, seconds: float, origin: str) -> LabelReview:
    """The record of an answer.

    Args:
        asked: What it is about.
        reviewer: Who answers.
        label: Class name or SKIP.
        seconds: Time it took.
        origin: What makes it one answer, see `review_id`.
    """
    return LabelReview(
        event_id=review_id(asked, reviewer, origin),
        source="live",
        device_id=asked.request.device_id,
        edge_case_id=asked.request.edge_case_id,
        encounter_id=asked.request.encounter_id,
        reviewer=reviewer,
        label=label,
        seconds_spent=seconds,
        reviewed_ts=now_us(),
        guideline_version=_GUIDELINE,
        budget_line=asked.request.budget_line,
    )


def review_id(asked: Asked, reviewer: str, origin: str) -> str:
    """Event id of an answer: the same origin gives the same, so that none counts twice."""
    identity = hashlib.sha256(f"{origin}\n{reviewer}\n{asked.request.edge_case_id}".encode())
    return identity.hexdigest()[:32]


def withdrawal(given: LabelReview, reason: str) -> LabelReview:
    """The record that takes an answer back; the same for the same answer."""
    identity = hashlib.sha256(f"withdraw\n{given.event_id}".encode())
    return replace(
        given,
        event_id=identity.hexdigest()[:32],
        label=SKIP,
        seconds_spent=0.0,
        reviewed_ts=now_us(),
        withdraws=given.event_id,
        reason=reason,
    )


def now_us() -> int:
    """This machine's clock, UTC microseconds."""
    return time.time_ns() // 1_000
