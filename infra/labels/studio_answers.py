"""What an export of Label Studio adds to the log: each answer once, changes corrected; pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from infra.labels import desk
from infra.labels.studio_import import Annotation
from schemas.question_book import AnswerRefusedError, Asked, QuestionBook
from schemas.records import LabelReview


@dataclass(slots=True)
class Taken:
    """What is to be written, and what is not.

    Attributes:
        reviews: In their order; what is changed is first taken back.
        known: Answers that are on the log already.
        corrected: Answers that were changed since they were imported.
        refused: Why each other answer would not count.
    """

    reviews: list[LabelReview] = field(default_factory=list)
    known: int = 0
    corrected: int = 0
    refused: list[str] = field(default_factory=list)


def taken(book: QuestionBook, annotations: Iterable[Annotation]) -> Taken:
    """Hold the annotations of an export against the log.

    Args:
        book: Questions and answers of the log; what is taken is added to them.
        annotations: In the order in which they were given.
    """
    made = Taken()
    for one in annotations:
        try:
            _take(book, one, made)
        except AnswerRefusedError as error:
            made.refused.append(f"{one.task}, annotation {one.annotation_id}: {error}")
    return made


def _take(book: QuestionBook, one: Annotation, made: Taken) -> None:
    asked = book.find(one.edge_case_id)
    if asked is None:
        book.check(one.edge_case_id, one.reviewer, one.label)
        return
    earlier = _earlier(asked, one)
    if earlier and earlier[-1].label == one.label:
        made.known += 1  # also when it was taken back since: an old export revives nothing
        return
    votes = book.ballot(asked).votes
    standing = next((vote for vote in votes if vote.reviewer == one.reviewer), None)
    if earlier and standing is not None and standing.event_id == earlier[-1].event_id:
        back = desk.withdrawal(earlier[-1], f"changed to {one.label} in Label Studio")
        asked.reviews[back.event_id] = back
        made.reviews.append(back)
        made.corrected += 1
    book.check(one.edge_case_id, one.reviewer, one.label)
    review = desk.answer(
        asked, one.reviewer, one.label, seconds=one.seconds, origin=_origin(one, len(earlier))
    )
    asked.reviews[review.event_id] = review
    made.reviews.append(review)


def _earlier(asked: Asked, one: Annotation) -> list[LabelReview]:
    """What was imported of this annotation before, the newest last."""
    found: list[LabelReview] = []
    while True:
        name = desk.review_id(asked, one.reviewer, _origin(one, len(found)))
        if name not in asked.reviews:
            return found
        found.append(asked.reviews[name])


def _origin(one: Annotation, version: int) -> str:
    return f"label-studio/{one.annotation_id}/{version}"
