"""Whatever happens in whatever order: the ledger is what was asked, and nothing is paid twice."""

from dataclasses import dataclass, field
from enum import StrEnum

from hypothesis import given, settings
from hypothesis import strategies as st

from infra.datasets.ordering import cut_order
from infra.labels.ledger import By, rows
from schemas.erasures import Erased
from schemas.facts import Fact
from schemas.question_book import QuestionBook
from schemas.records import SKIP, LabelRequest
from schemas.topics import DATASET_MANIFESTS, LABEL_REQUESTS
from tests.unit.streams.dataset.kit import POLICY, SECOND
from tests.unit.streams.dataset.test_reviews import Line


class Event(StrEnum):
    """What may happen next."""

    SEEN = "SEEN"
    STEP = "STEP"
    KILLED = "KILLED"
    KILLED_AFTER_ASKING = "KILLED_AFTER_ASKING"
    ANSWERED = "ANSWERED"
    ANSWERED_TWICE = "ANSWERED_TWICE"
    WITHDRAWN = "WITHDRAWN"
    LATE = "LATE"
    ORDERED = "ORDERED"
    ERASED = "ERASED"


@dataclass
class Life:
    """A line, what was asked on its log, and the ledger that reads it."""

    line: Line
    book: QuestionBook = field(default_factory=QuestionBook)
    asked: list[LabelRequest] = field(default_factory=list)
    answered: int = 0
    committed: int = 0

    def happens(self, event: Event, number: int) -> None:
        line = self.line
        match event:
            case Event.SEEN:
                line.log.see(40, seed=number % 4)  # the same encounters are told of again
            case Event.STEP:
                self._step()
            case Event.KILLED:
                line.worker = line._new()
            case Event.KILLED_AFTER_ASKING:
                self._ask()
                line.worker = line._new()
            case Event.ANSWERED | Event.ANSWERED_TWICE:
                self._answer(number, times=1 + (event is Event.ANSWERED_TWICE))
            case Event.WITHDRAWN:
                self._withdraw(number)
            case Event.LATE:
                line.now_us += 61 * SECOND
            case Event.ORDERED:
                self._order()
            case Event.ERASED:
                self._erase(number)

    def __post_init__(self) -> None:
        seed = self.line.book.line("perception").dataset
        self.book.observe([self._fact(DATASET_MANIFESTS.name, seed)])

    def _answer(self, number: int, times: int) -> None:
        """All or some of what was asked; the second people may see it otherwise."""
        some = [one for at, one in enumerate(self.asked) if number % 3 or number >> at % 16 & 1]
        for one in some * times:
            label = ("stop", SKIP, "stop", "give way")[number % 2 * 2 + one.review % 2]
            self.line.log.answer([one], label=label)

    def _erase(self, number: int) -> None:
        for one in self.asked[number % max(1, len(self.asked)) :][:1]:
            erased = Erased("e", one.device_id, self.line.now_us + SECOND)
            self.line.erasures._by_device[one.device_id] = erased

    def _ask(self) -> None:
        """As the agent does before each step: what is due is on the log, perhaps once more."""
        requests = self.line.requests()
        self.asked += requests
        self.book.observe(self._fact(LABEL_REQUESTS.name, one) for one in requests)

    def _step(self) -> None:
        self._ask()
        record = self.line.step()
        if record is not None:
            self.book.observe([self._fact(DATASET_MANIFESTS.name, record)])
            self.committed = record.label_cost

    def _order(self) -> None:
        view = self.line.book.line("perception")
        if view.ask is not None and view.cut is None:
            order = cut_order(view, view.ask.dataset_id, by="ann", reason="due", now_us=1)
            assert self.line.book.observe(order, self.line.now_us)
            self.book.observe([self._fact(DATASET_MANIFESTS.name, order)])

    def _withdraw(self, number: int) -> None:
        given = [one for rows in self.line.log.reviews.values() for one in rows]
        for one in given[number % len(given) :][:1] if given else ():
            again = next((r for r in self.asked if r.edge_case_id == one.edge_case_id), None)
            if again is not None and one.withdraws is None:
                self.line.log.answer(
                    [again], label=SKIP, reviewer=one.reviewer, withdraws=one.event_id
                )

    def _fact(self, topic: str, record: object) -> Fact:
        return Fact(topic=topic, partition=0, offset=0, stamp_us=self.line.now_us, record=record)

    def holds(self) -> None:
        """The invariants, at any moment."""
        distinct = {one.event_id: one for one in self.asked}
        places = {(one.encounter_id, one.review) for one in distinct.values()}
        assert len(places) == len(distinct), "an answer is paid for twice"
        of_asks: dict[str, set[str]] = {}
        for one in distinct.values():
            of_asks.setdefault(one.encounter_id, set()).add(one.ask_id)
        assert all(len(asks) == 1 for asks in of_asks.values()), "an encounter is asked about twice"
        assert len(distinct) <= self.committed <= self.line.policy.budget
        told = rows(self.book, By.LINE, None)
        assert sum(row["paid"] for row in told) == self.committed
        by_dataset = rows(self.book, By.DATASET, None)
        assert sum(row["paid"] for row in by_dataset) == self.committed
        assert sum(row["asked"] for row in by_dataset) == len(distinct)


@settings(max_examples=12, deadline=None, print_blob=True)
@given(
    reviews=st.integers(1, 2),
    second=st.sampled_from([0.0, 0.5]),
    events=st.lists(
        st.tuples(st.sampled_from([*Event, Event.STEP, Event.ANSWERED]), st.integers(0, 10**6)),
        min_size=10,
        max_size=40,
    ),
)
def test_no_label_is_paid_twice_whatever_happens(
    reviews: int, second: float, events: list[tuple[Event, int]]
) -> None:
    policy = POLICY.model_copy(
        update={
            "budget": 30,
            "labels_per_ask": 6,
            "reviews": reviews,
            "second_review_share": second,
        }
    )
    life = Life(Line(policy))
    for event, number in [(Event.SEEN, 0), (Event.STEP, 0), *events, (Event.STEP, 0)]:
        life.happens(event, number)
        life.holds()
