"""What is open, for whom, and which answers would count for nothing."""

import pytest

from schemas.question_book import AnswerRefusedError
from schemas.records import SKIP, ManifestKind
from schemas.topics import DATASET_MANIFESTS, ERASURES, LABEL_REVIEWS
from tests.factories import dataset_manifest, erasure
from tests.unit.infra.labels.asked import book, fact, review


def test_open_questions_stand_by_priority_and_go_when_they_are_answered() -> None:
    found = book(review(0, "ann", "stop"))
    assert [one.request.encounter_id for one in found.open()] == ["d1/1", "d1/2"]
    assert found.open(line="digits") == []
    found.observe([fact(LABEL_REVIEWS, review(1, "ann", SKIP))])
    assert [one.request.encounter_id for one in found.open()] == ["d1/2"]


def test_nobody_is_asked_what_they_answered() -> None:
    found = book(review(0, "ann", "stop"), seconds=(0,))
    assert "d1/0" not in {one.request.encounter_id for one in found.open("ann")}
    assert "d1/0" in {one.request.encounter_id for one in found.open("bob")}


@pytest.mark.parametrize(
    ("case", "reviewer", "label", "message"),
    [
        ("d1/1/9", "ann", "stop", "nobody asked about it"),
        ("d1/1/1", "ann", "stpo", "no class of line signs; one of stop, yield, give way, or SKIP"),
        ("d1/1/0", "ann", "yield", "ann answered it; withdraw"),
        ("d1/1/0", "bob", "yield", "its answers are all there"),
    ],
)
def test_an_answer_that_would_not_count_is_refused_with_the_reason(
    case: str, reviewer: str, label: str, message: str
) -> None:
    with pytest.raises(AnswerRefusedError, match=message):
        book(review(0, "ann", "stop")).check(case, reviewer, label)


def test_what_is_taken_back_is_open_again() -> None:
    given = review(0, "ann", "stop")
    back = review(0, "ann", SKIP, event_id="back", withdraws=given.event_id)
    found = book(given, back)
    assert len(found.open("ann")) == 3
    assert found.check("d1/1/0", "ann", "yield").request.encounter_id == "d1/0"


def test_a_label_of_no_class_answers_nothing() -> None:
    assert len(book(review(0, "ann", "stpo")).open()) == 3


def test_after_the_cut_an_answer_is_late_and_counts_still() -> None:
    found = book()
    asked = found.open()[0]
    assert not found.is_late(asked)
    found.observe(
        fact(DATASET_MANIFESTS, dataset_manifest(seq=seq, kind=kind, label_cost=3))
        for seq, kind in ((2, ManifestKind.CUT), (3, ManifestKind.ASSEMBLED))
    )
    assert found.is_late(asked)
    assert found.check(asked.request.edge_case_id, "ann", "stop") is asked


def test_an_erased_device_is_not_asked_about() -> None:
    found = book()
    found.observe([fact(ERASURES, erasure(device_id="d1"))])
    assert found.open() == []
    with pytest.raises(AnswerRefusedError, match="nobody asked"):
        found.check("d1/1/0", "ann", "stop")


def test_what_was_paid_is_what_the_records_say() -> None:
    found = book()
    (ask,) = found.asks
    assert found.paid(ask) == 3
    more = dataset_manifest(seq=2, kind=ManifestKind.ADJUDICATE, label_cost=5)
    found.observe([fact(DATASET_MANIFESTS, more)])
    assert found.paid(ask) == 5
