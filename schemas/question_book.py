"""The one reader of questions and answers for people: what is open, for whom, and why it was asked.

Assembly settles by ranges of the log (`streams/dataset/settling.py`); this is where people look.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from schemas.ballots import Ballot, Refusal, Vote
from schemas.dataset_lines import LineBook
from schemas.erasures import ErasureBook
from schemas.facts import Fact
from schemas.records import (
    SKIP,
    DatasetManifest,
    Erasure,
    LabelRequest,
    LabelReview,
    ManifestKind,
)


class AnswerRefusedError(ValueError):
    """An answer that would count for nothing; the message says why and what to do."""


@dataclass(slots=True)
class Asked:
    """One question with all that was said to it, as far as the log still holds it.

    Attributes:
        requests: One for each answer that is asked for, by event id.
        reviews: Answers and withdrawals, in log order, each event id once.
        stamp_us: The broker's stamp of the first request.
    """

    requests: dict[str, LabelRequest] = field(default_factory=dict)
    reviews: dict[str, LabelReview] = field(default_factory=dict)
    stamp_us: int = 0

    @property
    def request(self) -> LabelRequest:
        """The newest request: the one for the adjudication, if there is one."""
        return max(self.requests.values(), key=lambda one: one.review)

    def ballot(self, classes: Iterable[str]) -> Ballot:
        """The votes that stand; labels outside the classes are none, an empty list allows all."""
        known = frozenset(classes)
        ballot = Ballot(1, len(self.requests))
        for review in self.reviews.values():
            if review.withdraws is not None:
                ballot.withdraw(review.reviewer, review.withdraws)
            elif review.label == SKIP or not known or review.label in known:
                ballot.take(Vote(review.reviewer, review.label, review.event_id))
        return ballot


class QuestionBook:
    """Folds label-requests, label-reviews, dataset-manifests and erasures, in any order."""

    def __init__(self) -> None:
        self.lines = LineBook()
        self._asks: dict[str, DatasetManifest] = {}
        self._paid: dict[str, int] = {}
        self._asked: dict[str, Asked] = {}
        self._erasures = ErasureBook()

    def observe(self, facts: Iterable[Fact]) -> None:
        """Take records; those of one topic in log order."""
        for fact in facts:
            record = fact.record
            match record:
                case LabelRequest():
                    asked = self._asked.setdefault(record.edge_case_id, Asked())
                    asked.requests.setdefault(record.event_id, record)
                    asked.stamp_us = asked.stamp_us or fact.stamp_us
                case LabelReview():
                    asked = self._asked.setdefault(record.edge_case_id, Asked())
                    asked.reviews.setdefault(record.event_id, record)
                case DatasetManifest():
                    self._take(record, fact.stamp_us)
                case Erasure():
                    self._erasures.observe(fact)

    def _take(self, record: DatasetManifest, stamp_us: int) -> None:
        before = self.lines.line(record.line)
        if not self.lines.observe(record, stamp_us):
            return
        if record.kind is ManifestKind.ASK:
            self._asks[record.event_id] = record
            self._paid[record.event_id] = record.label_cost - before.paid
        elif record.kind is ManifestKind.ADJUDICATE and before.ask is not None:
            self._paid[before.ask.event_id] = record.label_cost - before.paid

    @property
    def asks(self) -> list[DatasetManifest]:
        """Every ASK record that counts, in log order."""
        return list(self._asks.values())

    def paid(self, ask: DatasetManifest) -> int:
        """Answers paid for a question and its disagreements."""
        return self._paid[ask.event_id]

    def all(self) -> Iterator[Asked]:
        """Every question, but for those about erased devices; the most wanted first."""
        found = (asked for asked in self._asked.values() if self._stands(asked))
        yield from sorted(found, key=lambda a: (-a.request.priority, a.request.edge_case_id))

    def find(self, edge_case_id: str) -> Asked | None:
        """The question about an edge case; None: it was never asked, or it is erased."""
        asked = self._asked.get(edge_case_id)
        return asked if asked is not None and self._stands(asked) else None

    def ballot(self, asked: Asked) -> Ballot:
        """The votes on a question that stand."""
        return asked.ballot(self.classes(asked))

    def classes(self, asked: Asked) -> tuple[str, ...]:
        """Labels that an answer to it may give; empty where the log no longer says so."""
        ask = self._asks.get(asked.request.ask_id)
        return () if ask is None else ask.classes

    def is_late(self, asked: Asked) -> bool:
        """Whether its round is cut: an answer then counts in the next dataset."""
        view = self.lines.line(asked.request.budget_line)
        return view.cut is not None or view.ask is None or view.ask.event_id != asked.request.ask_id

    def open(self, reviewer: str | None = None, line: str | None = None) -> list[Asked]:
        """What is still to be answered, by a person who has not answered it."""
        return [
            asked
            for asked in self.all()
            if line in (None, asked.request.budget_line)
            and (ballot := self.ballot(asked)).open
            and reviewer not in {vote.reviewer for vote in ballot.votes}
        ]

    def check(self, edge_case_id: str, reviewer: str, label: str) -> Asked:
        """The question that an answer is about.

        Raises:
            AnswerRefusedError: It would not count.
        """
        asked = self.find(edge_case_id)
        if asked is None:
            raise AnswerRefusedError(f"edge case {edge_case_id}: nobody asked about it; see queue")
        classes = self.classes(asked)
        if label != SKIP and classes and label not in classes:
            raise AnswerRefusedError(
                f"label {label!r}: no class of line {asked.request.budget_line}; one of "
                f"{', '.join(classes)}, or {SKIP}"
            )
        refusal = self.ballot(asked).take(Vote(reviewer, label, ""))
        if refusal is Refusal.REPEATED:
            raise AnswerRefusedError(
                f"edge case {edge_case_id}: {reviewer} answered it; withdraw that answer first"
            )
        if refusal is Refusal.CLOSED:
            raise AnswerRefusedError(f"edge case {edge_case_id}: its answers are all there")
        return asked

    def _stands(self, asked: Asked) -> bool:
        return bool(asked.requests) and (
            self._erasures.covering(asked.request.device_id, asked.stamp_us) is None
        )
