"""Several people a question, disagreement, late and withdrawn answers, and what is paid."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from infra.datasets.ordering import OrderError, cut_order
from schemas.ballots import Refusal
from schemas.erasures import Erased, ErasureBook
from schemas.name_hashes import hashed
from schemas.records import SKIP, DatasetManifest, LabelRequest, ManifestKind
from streams.dataset.assembler import Assembler
from streams.dataset.policy import DatasetPolicy
from tests.unit.streams.dataset.kit import POLICY, SECOND, FakeGallery, FakeLog, FakeShelf, seeded


@dataclass
class Line:
    """A line on a log in memory; `restart` has a new worker take over before each look."""

    policy: DatasetPolicy
    restart: bool = False
    log: FakeLog = field(default_factory=FakeLog)
    shelf: FakeShelf = field(default_factory=FakeShelf)
    erasures: ErasureBook = field(default_factory=ErasureBook)
    now_us: int = 0

    def __post_init__(self) -> None:
        self.book = seeded(self.shelf)
        self.worker = self._new()

    def _new(self) -> Assembler:
        return Assembler(self.policy, self.log, self.shelf, FakeGallery(), self.erasures)

    def step(self, wait_s: int = 0) -> DatasetManifest | None:
        """The next record of the line, which then counts."""
        self.now_us += wait_s * SECOND
        if self.restart:
            self.worker = self._new()
        view = self.book.line("perception")
        self.worker.letters(view)
        record = self.worker.next(view, self.now_us)
        if record is not None:
            assert self.book.observe(record, stamp_us=self.now_us)
        return record

    def due(self, kind: ManifestKind, wait_s: int = 0) -> DatasetManifest:
        record = self.step(wait_s)
        assert record is not None
        assert record.kind is kind
        return record

    def ask(self, seed: int = 1) -> list[LabelRequest]:
        """A question and its requests."""
        self.log.see(40, seed=seed)
        self.due(ManifestKind.ASK)
        return self.requests()

    def requests(self) -> list[LabelRequest]:
        worker = self._new() if self.restart else self.worker
        return list(worker.requests(self.book.line("perception")))

    def finish(self, wait_s: int = 0) -> DatasetManifest:
        """The cut and its dataset."""
        self.due(ManifestKind.CUT, wait_s)
        return self.due(ManifestKind.ASSEMBLED)

    def labels(self, dataset: DatasetManifest) -> dict[str, str]:
        """By encounter, without the test drive."""
        examples = tuple(self.shelf.manifest(dataset).examples)
        return {e.encounter_id: e.label for e in examples if e.source_topic}


@pytest.fixture(params=[False, True], ids=["one worker", "a new worker at each step"])
def make(request: pytest.FixtureRequest) -> Callable[..., Line]:
    def made(**changes: Any) -> Line:
        return Line(POLICY.model_copy(update={"budget": 100, **changes}), restart=request.param)

    return made


def test_everybody_asked_costs_and_each_is_asked_once(make: Callable[..., Line]) -> None:
    line = make(reviews=2, budget=11)
    requests = line.ask()
    assert len(requests) == len({one.event_id for one in requests}) == 10  # of 11, two each
    assert {one.review for one in requests} == {1, 2}
    line.log.answer(requests[:-1])
    assert line.step() is None
    line.log.answer(requests[-1:])
    done = line.finish()
    assert (done.label_cost, done.slices["added"]) == (10, 5)
    assert done.agreement is not None
    assert (done.agreement.encounters, done.agreement.agreeing) == (5, 5)


def test_a_share_is_asked_twice_and_its_draw_is_the_same_for_every_worker() -> None:
    asked = []
    for restart in (False, True):
        line = Line(
            POLICY.model_copy(update={"budget": 100, "second_review_share": 0.25}), restart=restart
        )
        requests = line.ask()
        assert len(requests) == 8 + 2
        asked.append({one.event_id for one in requests})
        line.log.answer([one for one in requests if one.review == 1])
        assert line.step() is None
        done = line.finish(wait_s=61)
        assert done.slices["added"] == 8  # the second answer measures, the first labels
        assert done.label_cost == 10
        assert done.agreement is None
    assert asked[0] == asked[1]


def test_two_who_disagree_open_one_more_question(make: Callable[..., Line]) -> None:
    line = make(reviews=2, labels_per_ask=4)
    requests = line.ask()
    line.log.answer(requests, label="stop")
    disputed, settled = requests[0].encounter_id, requests[2].encounter_id
    for rows in line.log.reviews.values():  # the second people saw these two otherwise
        for place, one in enumerate(rows):
            if one.encounter_id in {disputed, settled} and one.reviewer == "reviewer-2":
                rows[place] = replace(one, label="give way")
    asked = line.due(ManifestKind.ADJUDICATE)
    more = line.requests()
    assert {one.encounter_id for one in more} == {disputed, settled}
    assert all(one.adjudicates and one.review == 3 for one in more)
    assert asked.label_cost == 8 + 2
    line.log.answer([one for one in more if one.encounter_id == settled], label="give way")
    assert line.step() is None
    line.log.answer([one for one in more if one.encounter_id == disputed], label="yield")
    done = line.finish()
    assert line.labels(done)[settled] == "give way"
    assert disputed not in line.labels(done)
    assert done.excluded["DISPUTED"] == 1
    assert done.label_cost == 10
    assert done.agreement is not None
    assert (done.agreement.encounters, done.agreement.agreeing) == (4, 2)


def test_a_disagreement_that_the_budget_does_not_bear_is_left_out(
    make: Callable[..., Line],
) -> None:
    line = make(reviews=2, labels_per_ask=2, budget=5)
    requests = line.ask()
    for one in requests:
        line.log.answer([one], label="stop" if one.review == 1 else "give way")
    assert line.due(ManifestKind.ADJUDICATE).label_cost == 5  # one of two
    line.log.answer(line.requests(), label="stop")
    done = line.finish()
    assert (done.excluded["DISPUTED"], done.slices["added"], done.label_cost) == (1, 1, 5)


def test_who_answers_unasked_settles_nothing(make: Callable[..., Line]) -> None:
    line = make(reviews=2, labels_per_ask=1)
    first, second = line.ask()
    line.log.answer([first], label="stop")
    line.log.answer([second], label="give way")
    line.log.answer([first], label="stop", reviewer="passer-by")
    line.due(ManifestKind.ADJUDICATE)
    line.log.answer(line.requests(), label="give way", reviewer="third")
    done = line.finish()
    assert line.labels(done) == {first.encounter_id: "give way"}
    assert done.excluded[Refusal.CLOSED] == 1


def test_a_late_answer_enters_the_next_dataset_and_is_not_paid_again(
    make: Callable[..., Line],
) -> None:
    line = make(labels_per_ask=4)
    requests = line.ask()
    line.log.answer(requests[1:])
    first = line.finish(wait_s=61)
    assert first.excluded["UNANSWERED"] == 1
    line.log.answer(requests[:1], label="give way")
    line.log.answer(line.ask(seed=2))
    second = line.finish()
    assert line.labels(second)[requests[0].encounter_id] == "give way"
    assert second.slices == {"inherited": 4, "added": 5, "added_late": 1}
    assert second.label_cost == 8
    again = line.log.answer(requests[:1], label="stop", reviewer="another")
    line.log.answer(line.ask(seed=3))
    third = line.finish()
    assert line.labels(third)[again[0].encounter_id] == "give way"
    assert third.excluded[Refusal.CLOSED] == 1


def test_a_withdrawn_label_leaves_the_next_dataset_and_may_be_given_anew(
    make: Callable[..., Line],
) -> None:
    line = make(labels_per_ask=4)
    requests = line.ask()
    said = line.log.answer(requests)
    first = line.finish()
    assert first.slices["added"] == 4
    taken_back = said[0].event_id
    line.log.answer(requests[:1], label=SKIP, withdraws=taken_back)
    line.log.answer(line.ask(seed=2))
    second = line.finish()
    assert second.excluded["WITHDRAWN"] == 1
    assert requests[0].encounter_id not in line.labels(second)
    assert second.slices == {"inherited": 4, "added": 4}
    line.log.answer(requests[:1], label="give way")
    line.log.answer(line.ask(seed=3))
    third = line.finish()
    assert line.labels(third)[requests[0].encounter_id] == "give way"
    assert "WITHDRAWN" not in third.excluded
    assert third.label_cost == 12


def test_a_corrected_label_replaces_the_one_before(make: Callable[..., Line]) -> None:
    line = make(labels_per_ask=4)
    requests = line.ask()
    said = line.log.answer(requests)
    line.finish()
    line.log.answer(requests[:1], label=SKIP, withdraws=said[0].event_id)
    line.log.answer(requests[:1], label="give way", event_id="corrected")
    line.log.answer(line.ask(seed=2))
    second = line.finish()
    assert line.labels(second)[requests[0].encounter_id] == "give way"
    assert second.slices == {"inherited": 4, "added": 5, "added_late": 1}
    assert not {"WITHDRAWN", "DISPUTED"} & second.excluded.keys()


def test_withdrawn_while_the_question_is_open_it_is_waited_for_again(
    make: Callable[..., Line],
) -> None:
    line = make(labels_per_ask=2)
    requests = line.ask()
    said = line.log.answer(requests)
    line.log.answer(requests[:1], label=SKIP, withdraws=said[0].event_id)
    assert line.step() is None
    line.log.answer(requests[:1], label="give way", reviewer="another")
    assert set(line.labels(line.finish()).values()) == {"stop", "give way"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"label": "no such class"}, Refusal.UNKNOWN_CLASS),
        ({"edge_case_id": "never seen"}, Refusal.NOT_ASKED),
        ({"encounter_id": "d1/elsewhere"}, Refusal.NOT_ASKED),
    ],
)
def test_what_cannot_mean_anything_is_counted_and_dead_lettered_once(
    make: Callable[..., Line], changes: dict[str, str], reason: Refusal
) -> None:
    line = make(labels_per_ask=4)
    requests = line.ask()
    line.log.answer(requests[1:])
    line.log.answer(requests[:1], **changes)
    done = line.finish(wait_s=61)
    assert done.excluded[reason] == 1
    assert done.excluded["UNANSWERED"] == 1
    assert {(r.refusal, r.answer.encounter_id) for r in line.log.refused} == {
        (reason, changes.get("encounter_id", requests[0].encounter_id))
    }
    (refused, *_) = line.log.refused
    assert str(changes.get(refused.field, "")) in refused.reason


def test_reviews_of_other_lines_are_passed_over(make: Callable[..., Line]) -> None:
    line = make(labels_per_ask=2)
    requests = line.ask()
    line.log.answer(requests[:1], edge_case_id="theirs", line="digits")
    line.log.answer(requests)
    done = line.finish()
    assert done.slices["added"] == 2
    assert not line.log.refused
    assert "NOT_ASKED" not in done.excluded


def test_a_review_about_an_erased_device_is_kept_nowhere(make: Callable[..., Line]) -> None:
    line = make(labels_per_ask=4)
    requests = line.ask()
    gone = requests[0].device_id
    line.log.answer(requests)
    line.erasures._by_device[gone] = Erased("e", gone, 9 * SECOND)
    done = line.finish()
    theirs = sum(one.device_id == gone for one in requests)
    assert done.excluded[Refusal.ERASED] == theirs
    assert line.log.refused == []
    sheet = line.shelf.questions(done)
    assert len(sheet) == 4 - theirs
    asked = hashed([one.encounter_id for one in requests if one.device_id != gone])
    assert {*sheet.encounters()} == {*asked}


def test_no_encounter_is_asked_about_twice_even_when_nobody_answered(
    make: Callable[..., Line],
) -> None:
    """The device sends the same encounters again: they were paid for."""
    line = make(labels_per_ask=20, min_candidates=1, near_duplicate_cosine=1.0)
    first = {one.encounter_id for one in line.ask()}
    line.finish(wait_s=61)
    second = {one.encounter_id for one in line.ask()}
    assert len(second) == 20
    assert not first & second


def test_the_device_s_own_answer_is_told_to_the_person(make: Callable[..., Line]) -> None:
    request = make().ask()[0]
    assert (request.predicted, request.trigger) == ("yield", "MARGIN")
    assert request.confidence == pytest.approx(1 - (1 - request.priority) / 2)
    assert (request.release_id, request.model_digest) == ("perception-1", "ab" * 32)


def test_the_manifest_is_the_same_whatever_worker_counted() -> None:
    """Disagreement, withdrawal and a late answer over two rounds, by one worker and by many."""
    digests = []
    for restart in (False, True):
        line = Line(
            POLICY.model_copy(update={"budget": 60, "second_review_share": 0.5}), restart=restart
        )
        requests = line.ask()
        said = [
            line.log.answer([one], label="stop" if one.review == 1 else "give way")[0]
            for one in requests[1:]
        ]
        line.due(ManifestKind.ADJUDICATE, wait_s=61)
        line.log.answer(line.requests(), label="stop")
        line.finish(wait_s=61)
        line.log.answer(requests[:1])
        line.log.answer(requests[-1:], label=SKIP, withdraws=said[-1].event_id)
        line.log.answer(line.ask(seed=2))
        done = line.finish(wait_s=61)
        digests.append((done.manifest_digest, done.questions_digest, done.label_cost))
    assert digests[0] == digests[1]


def test_a_person_has_a_question_cut_and_what_comes_later_enters_the_next_dataset(
    make: Callable[..., Line],
) -> None:
    line = make(reviews=2, labels_per_ask=4)
    asked = line.ask()
    agreed, disputed, late, _ = sorted({one.encounter_id for one in asked})
    line.log.answer([one for one in asked if one.encounter_id in {agreed, disputed}])
    for rows in line.log.reviews.values():
        for place, one in enumerate(rows):
            if one.encounter_id == disputed and one.reviewer == "reviewer-2":
                rows[place] = replace(one, label="give way")
    assert line.step() is None
    view = line.book.line("perception")
    assert view.ask is not None
    why = {"by": "ann", "reason": "the release is due"}
    assert line.book.observe(cut_order(view, view.ask.dataset_id, **why, now_us=1), SECOND)
    first = line.finish()  # nobody more is asked about the disagreement
    assert line.labels(first) == {agreed: "stop"}
    assert (first.excluded["UNANSWERED"], first.excluded["DISPUTED"]) == (2, 1)
    assert first.label_cost == 8
    with pytest.raises(OrderError, match="no question for it is open"):
        cut_order(line.book.line("perception"), first.dataset_id, **why, now_us=2)
    line.log.answer([one for one in asked if one.encounter_id == late])
    line.log.answer(line.ask(seed=2))
    second = line.finish()
    assert line.labels(second)[late] == "stop"
    assert (second.slices["added_late"], second.label_cost) == (1, 16)
