"""What people said about one question: whose answer counts, and what the answers say together."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from schemas.records import SKIP


class Refusal(StrEnum):
    """Why a review does not count."""

    NOT_ASKED = "NOT_ASKED"
    UNKNOWN_CLASS = "UNKNOWN_CLASS"
    REPEATED = "REPEATED"
    CLOSED = "CLOSED"
    NOTHING_TO_WITHDRAW = "NOTHING_TO_WITHDRAW"
    ERASED = "REVIEW_ERASED"


class Unlabelled(StrEnum):
    """Why a question gives no label."""

    UNANSWERED = "UNANSWERED"
    WITHDRAWN = "WITHDRAWN"
    SKIPPED = "SKIPPED"
    DISPUTED = "DISPUTED"


@dataclass(frozen=True, slots=True)
class Vote:
    """One person's answer.

    Attributes:
        event_id: Of the review on the log.
        label: Class name, or SKIP.
    """

    reviewer: str
    label: str
    event_id: str


@dataclass(slots=True)
class Ballot:
    """The votes on one question, in log order; each person has one.

    Attributes:
        needed: Votes without which there is no label.
        wanted: Votes that were asked for: the needed ones, one more where agreement is measured,
            one more where a tie is settled.
        votes: Those that stand.
        taken_back: Event ids of the answers that were withdrawn; such a one never counts again.
    """

    needed: int = 1
    wanted: int = 1
    votes: list[Vote] = field(default_factory=list)
    taken_back: list[str] = field(default_factory=list)

    def take(self, vote: Vote) -> Refusal | None:
        """Count an answer, or say why it does not count."""
        if vote.event_id in self.taken_back or any(v.reviewer == vote.reviewer for v in self.votes):
            return Refusal.REPEATED
        if not self.open:
            return Refusal.CLOSED
        self.votes.append(vote)
        return None

    def withdraw(self, reviewer: str, event_id: str) -> Refusal | None:
        """Take a person's own answer back, or say why there is nothing to take back."""
        for vote in self.votes:
            if (vote.reviewer, vote.event_id) == (reviewer, event_id):
                self.votes.remove(vote)
                self.taken_back.append(event_id)
                return None
        return Refusal.NOTHING_TO_WITHDRAW

    def adjudicate(self) -> None:
        """One person more is asked."""
        self.wanted += 1

    @property
    def open(self) -> bool:
        """Whether an answer is still waited for."""
        return len(self.votes) < self.wanted

    @property
    def tied(self) -> bool:
        """Whether everybody answered and no label has more votes than every other."""
        return not self.open and self.unlabelled is Unlabelled.DISPUTED

    @property
    def label(self) -> str | None:
        """The label with more votes than every other, once enough people answered."""
        leading = _leading(self.votes)
        return leading[0] if len(leading) == 1 and len(self.votes) >= self.needed else None

    @property
    def unlabelled(self) -> Unlabelled | None:
        """Why there is no label; None: there is one."""
        if self.label is not None:
            return None
        if len(self.votes) < self.needed:
            return Unlabelled.WITHDRAWN if self.taken_back else Unlabelled.UNANSWERED
        return Unlabelled.DISPUTED if _leading(self.votes) else Unlabelled.SKIPPED


def _leading(votes: Iterable[Vote]) -> list[str]:
    """The labels with the most votes; who skipped has none."""
    counts = Counter(vote.label for vote in votes if vote.label != SKIP)
    most = max(counts.values(), default=0)
    return [label for label, count in counts.items() if count == most]
