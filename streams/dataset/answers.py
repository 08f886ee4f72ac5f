"""Reviews counted into the questions they are about, whatever order the log was read in."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from schemas.ballots import Refusal, Vote
from schemas.erasures import ErasureBook
from schemas.question_sheets import Question
from schemas.records import SKIP


@dataclass(frozen=True, slots=True)
class Answer:
    """One review with its place in the log.

    Attributes:
        line: Dataset line that asked; empty in reviews from before it was said.
        withdraws: Event id of the answer that is taken back; None: this is an answer.
    """

    event_id: str
    device_id: str
    edge_case_id: str
    encounter_id: str
    reviewer: str
    label: str
    line: str
    withdraws: str | None
    topic_id: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A review that means what cannot be, and why in a sentence."""

    answer: Answer
    refusal: Refusal
    field: str
    reason: str


@dataclass(slots=True)
class Counting:
    """Counts the reviews of one line into its questions.

    All reviews of a device lie in one partition, so the order of those about one question is the
    log's, however it was read.

    Attributes:
        line: The line; reviews of others are passed over.
        classes: Labels that an answer may give; empty: any.
        erasures: A question that is gone by one is told from one that never was.
        excluded: Reviews that did not count, by reason.
        refused: Those that cannot mean anything.
    """

    line: str
    classes: Collection[str]
    erasures: ErasureBook
    excluded: Counter[str] = field(default_factory=Counter)
    refused: list[Refused] = field(default_factory=list)

    def take(self, answers: Iterable[Answer], questions: Mapping[str, Question]) -> None:
        """Count reviews in log order into questions by edge case."""
        for answer in sorted(answers, key=lambda a: (a.partition, a.offset)):
            if answer.line not in {"", self.line}:
                continue
            refusal = self._count(answer, questions.get(answer.edge_case_id))
            if refusal is not None:
                self.excluded[refusal.value] += 1

    def _count(self, answer: Answer, question: Question | None) -> Refusal | None:
        if question is None or question.encounter_id != answer.encounter_id:
            if self.erasures.covering(answer.device_id, 0) is not None:
                return Refusal.ERASED  # asked about before: what is forgotten is no one's fault
            return self._refuse(
                answer,
                Refusal.NOT_ASKED,
                "edge_case_id",
                f"{answer.edge_case_id!r} of encounter {answer.encounter_id!r}: line {self.line} "
                "never asked about it",
            )
        if answer.withdraws is not None:
            return question.ballot.withdraw(answer.reviewer, answer.withdraws)
        if answer.label != SKIP and self.classes and answer.label not in self.classes:
            return self._refuse(
                answer,
                Refusal.UNKNOWN_CLASS,
                "label",
                f"{answer.label!r}: no class of line {self.line}; add it to the line's policy or "
                "answer again",
            )
        return question.ballot.take(Vote(answer.reviewer, answer.label, answer.event_id))

    def _refuse(self, answer: Answer, refusal: Refusal, named: str, reason: str) -> Refusal:
        self.refused.append(Refused(answer, refusal, named, f"{named}={reason}"))
        return refusal


def parted(
    answers: Sequence[Answer], last_offsets: Mapping[int, int]
) -> tuple[list[Answer], list[Answer]]:
    """Those up to an offset of each partition, and those behind it."""
    before = [a for a in answers if a.offset <= last_offsets.get(a.partition, -1)]
    behind = [a for a in answers if a.offset > last_offsets.get(a.partition, -1)]
    return before, behind
