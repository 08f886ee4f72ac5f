"""Reviews are counted in log order, however they were read; what does not count is told."""

from collections.abc import Mapping

import pytest

from schemas.ballots import Ballot
from schemas.erasures import ErasureBook
from schemas.media import PICTURES
from schemas.question_sheets import Question
from streams.dataset.answers import Answer, Counting, parted


def question(name: str, wanted: int = 1) -> Question:
    return Question(
        event_id=f"case-{name}",
        device_id="d1",
        encounter_id=f"d1/{name}",
        frame_uri="file:///x",
        frame_digest=name,
        frame_media_type=PICTURES.media_type,
        topic_id="t",
        partition=0,
        offset=0,
        stamp_us=0,
        planned=wanted,
        ballot=Ballot(1, wanted),
    )


def answer(name: str, offset: int, label: str, **changes: str) -> Answer:
    fields: Mapping[str, str] = {"reviewer": "r1", "line": "signs", **changes}
    return Answer(
        event_id=f"e{offset}",
        device_id="d1",
        edge_case_id=f"case-{name}",
        encounter_id=f"d1/{name}",
        label=label,
        withdraws=None,
        topic_id="t",
        partition=0,
        offset=offset,
        **fields,
    )


REVIEWS = [
    answer("a", 0, "stop"),
    answer("a", 1, "yield"),
    answer("a", 2, "stop", reviewer="r2"),
    answer("b", 3, "SKIP"),
    answer("c", 4, "axe"),
    answer("z", 5, "stop"),
    answer("z", 6, "stop", line="digits"),
]


@pytest.mark.parametrize("order", [1, -1])
def test_the_first_usable_review_counts_and_the_rest_is_told_by_reason(order: int) -> None:
    asked = {q.event_id: q for q in (question("a"), question("b"), question("c"))}
    counting = Counting("signs", frozenset({"stop", "yield"}), ErasureBook())
    counting.take(REVIEWS[::order], asked)
    assert {name: q.ballot.label for name, q in asked.items()} == {
        "case-a": "stop",
        "case-b": None,
        "case-c": None,
    }
    assert counting.excluded == {"REPEATED": 1, "CLOSED": 1, "UNKNOWN_CLASS": 1, "NOT_ASKED": 1}
    assert [(one.answer.offset, one.field) for one in counting.refused] == [
        (4, "label"),
        (5, "edge_case_id"),
    ]


def test_without_a_list_of_classes_any_label_counts() -> None:
    """A question that was asked before lines had class lists is open still."""
    asked = {q.event_id: q for q in [question("c")]}
    Counting("signs", frozenset(), ErasureBook()).take(REVIEWS, asked)
    assert asked["case-c"].ballot.label == "axe"


def test_answers_are_parted_by_place_in_each_partition() -> None:
    before, behind = parted(REVIEWS, {0: 3})
    assert [one.offset for one in before] == [0, 1, 2, 3]
    assert [one.offset for one in behind] == [4, 5, 6]
    assert parted(REVIEWS, {1: 9}) == ([], REVIEWS)
