"""Questions and answers on a log in memory, as people meet them."""

from typing import Any

from schemas.facts import Fact
from schemas.question_book import QuestionBook
from schemas.records import ManifestKind, Trigger
from schemas.topics import DATASET_MANIFESTS, LABEL_REQUESTS, LABEL_REVIEWS, TopicSpec
from tests.factories import dataset_manifest, label_request, label_review

CLASSES = ("stop", "yield", "give way")


def fact(topic: TopicSpec, record: Any, offset: int = 0) -> Fact:
    return Fact(topic=topic.name, partition=0, offset=offset, stamp_us=1_000, record=record)


def request(number: int, review: int = 1, **changes: Any) -> Any:
    fields: dict[str, Any] = {
        "event_id": f"ask/{number}/{review}",
        "ask_id": "ask",
        "edge_case_id": f"d1/1/{number}",
        "encounter_id": f"d1/{number}",
        "device_id": "d1",
        "priority": 1.0 - number / 10,
        "review": review,
        "trigger": Trigger.MARGIN,
        "predicted": "yield",
        "confidence": 0.6,
        "release_id": "signs-3",
        "frames": (f"file:///frames/{number}.png",),
    }
    return label_request(**(fields | changes))


def review(number: int, reviewer: str, label: str, **changes: Any) -> Any:
    fields: dict[str, Any] = {
        "event_id": f"{reviewer}/{number}/{label}",
        "edge_case_id": f"d1/1/{number}",
        "encounter_id": f"d1/{number}",
        "device_id": "d1",
        "reviewer": reviewer,
        "label": label,
        "budget_line": "signs",
    }
    return label_review(**(fields | changes))


def book(*reviews: Any, seconds: tuple[int, ...] = ()) -> QuestionBook:
    """Three questions of line signs; those in `seconds` are asked of two people."""
    made = QuestionBook()
    steps = [
        dataset_manifest(seq=0, label_cost=0),
        dataset_manifest(
            event_id="ask", seq=1, kind=ManifestKind.ASK, label_cost=3, classes=CLASSES
        ),
    ]
    made.observe(fact(DATASET_MANIFESTS, one) for one in steps)
    asked = [request(n) for n in range(3)] + [request(n, 2) for n in seconds]
    made.observe(fact(LABEL_REVIEWS, one) for one in reviews)
    made.observe(fact(LABEL_REQUESTS, one) for one in asked)
    return made
