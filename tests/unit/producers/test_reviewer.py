"""The simulated reviewer: each question once, with the truth, over restarts."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from producers import reviewer as module
from producers.camera.rendered import RenderedCamera
from producers.reviewer import Reviewer, ReviewerError, run
from schemas.facts import Fact
from schemas.records import LabelRequest
from schemas.topics import LABEL_REQUESTS, LABEL_REVIEWS
from schemas.validation import check
from tests.factories import label_request
from tests.unit.producers.learning_kit import NOW_US, Log


def request(number: int, ask: str = "ask-1") -> LabelRequest:
    return label_request(
        event_id=f"{ask}/{number}",
        device_id="hw3-1",
        edge_case_id=f"hw3-1/17/{number}",
        encounter_id=f"hw3-1/{number}",
        ask_id=ask,
    )


def clock() -> int:
    return NOW_US


@pytest.fixture
def log() -> Log:
    found = Log()
    for number in range(5):
        found.write(LABEL_REQUESTS, request(number))
    return found


def test_each_question_gets_the_truth(camera: RenderedCamera, log: Log) -> None:
    reviewer = Reviewer(camera, clock)
    reviewer.observe(list(log.facts))
    reviewer.act(log)
    reviews = log.of(LABEL_REVIEWS)
    assert {review.encounter_id: review.label for review in reviews} == {
        f"hw3-1/{number}": camera.truth(f"hw3-1/{number}") for number in range(5)
    }
    assert all(2 <= review.seconds_spent <= 8 for review in reviews)
    assert {review.reviewed_ts for review in reviews} == {NOW_US}
    assert len({review.event_id for review in reviews}) == 5
    for review in reviews:
        check(LABEL_REVIEWS.name, review, NOW_US)


def test_nothing_is_answered_twice_in_one_run(camera: RenderedCamera, log: Log) -> None:
    reviewer = Reviewer(camera, clock)
    reviewer.observe(list(log.facts))
    reviewer.act(log)
    reviewer.act(log)
    reviewer.observe(log.facts[-2:])
    reviewer.observe([log.write(LABEL_REQUESTS, request(3, ask="ask-2"))])
    reviewer.act(log)
    assert len(log.of(LABEL_REVIEWS)) == 5


def test_a_second_answer_is_another_person_s_through_a_restart(
    camera: RenderedCamera, log: Log
) -> None:
    log.write(LABEL_REQUESTS, replace(request(0), event_id="ask-1/0/2", review=2))
    for _ in range(2):
        reviewer = Reviewer(camera, clock)
        reviewer.observe(list(log.facts))
        reviewer.act(log)
    about = [one for one in log.of(LABEL_REVIEWS) if one.encounter_id == "hw3-1/0"]
    assert [one.reviewer for one in about] == ["reviewer-1", "reviewer-2"]
    assert len({one.event_id for one in log.of(LABEL_REVIEWS)}) == 6
    assert {one.budget_line for one in about} == {request(0).budget_line}


@pytest.mark.parametrize("order", [lambda facts: facts, lambda facts: facts[::-1]])
def test_after_a_restart_only_the_rest_is_answered(
    camera: RenderedCamera, log: Log, order: Callable[[list[Fact]], list[Fact]]
) -> None:
    """Killed with two of five answers on the log; the topics may be read in any order."""
    first = Reviewer(camera, clock)
    for number in range(2):
        log.write(LABEL_REVIEWS, first.review(request(number)))
    again = Reviewer(camera, clock)
    again.observe(order(list(log.facts)))
    again.act(log)
    assert sorted(review.encounter_id for review in log.of(LABEL_REVIEWS)) == [
        f"hw3-1/{number}" for number in range(5)
    ]


def test_an_answer_is_the_same_record_in_every_run(camera: RenderedCamera) -> None:
    assert Reviewer(camera, clock).review(request(1)) == Reviewer(camera, clock).review(request(1))


def test_a_question_about_nothing_is_skipped(camera: RenderedCamera) -> None:
    asked = label_request(encounter_id="no number")
    assert Reviewer(camera, clock).review(asked).label == "SKIP"


def test_the_memory_of_a_reviewer_is_limited(
    camera: RenderedCamera, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_ANSWERED", 4)
    with pytest.raises(ReviewerError, match="more than 4"):
        Reviewer(camera, clock).observe(list(log.facts))


def test_without_a_scenario_there_is_no_truth() -> None:
    from infra.settings import Settings  # noqa: PLC0415 - reads the environment when it is made

    with pytest.raises(ValueError, match="scenario_file: not set"):
        run(Settings())


def test_what_another_medium_shows_is_another_reviewers(camera: RenderedCamera, log: Log) -> None:
    heard = label_request(event_id="ask-2/0", edge_case_id="x", frames=("file:///frames/x.wav",))
    log.write(LABEL_REQUESTS, heard)
    reviewer = Reviewer(camera, clock)
    reviewer.observe(list(log.facts))
    reviewer.act(log)
    assert len(log.of(LABEL_REVIEWS)) == 5
    assert "x" not in {review.edge_case_id for review in log.of(LABEL_REVIEWS)}
