"""What the reviews of a cut make of a line's questions, the new ones and those asked before."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from schemas.dataset_lines import LineView
from schemas.erasures import ErasureBook
from schemas.question_sheets import Question, QuestionSheet
from schemas.records import DatasetManifest
from schemas.topics import LABEL_REVIEWS
from streams.dataset.answers import Answer, Counting, Refused, parted
from streams.dataset.asking import settle


@dataclass(frozen=True, slots=True)
class Settlement:
    """The questions as a cut leaves them.

    Attributes:
        asked: Those of the round.
        changed: Of those asked before, the ones whose label is another than in the parent.
        gone: Of the changed, the edge cases whose label in the parent no longer stands.
        sheet: All of the line.
        excluded: Encounters without a label and reviews that did not count, by reason.
        refused: Reviews that mean what cannot be.
    """

    asked: Sequence[Question]
    changed: Sequence[Question]
    gone: frozenset[str]
    sheet: QuestionSheet
    excluded: Counter[str]
    refused: Sequence[Refused]

    @property
    def labelled(self) -> list[Question]:
        """What is learnt newly, late and corrected answers to earlier questions among it."""
        return [one for one in (*self.asked, *self.changed) if one.ballot.label is not None]


def settled(
    view: LineView,
    ask: DatasetManifest,
    asked: Sequence[Question],
    answers: Sequence[Answer],
    sheet: QuestionSheet,
    erasures: ErasureBook,
) -> Settlement:
    """What the answers of a cut make of the round's questions and of all before.

    Args:
        view: Where the line stands.
        ask: Its open question.
        asked: The encounters of it, unanswered.
        answers: What lies in the ranges of the cut.
        sheet: Questions of the dataset that is continued.
        erasures: Devices to forget.
    """
    kept = sheet.without(erasures)
    earlier = kept.pick(answer.edge_case_id for answer in answers)
    before = {name: question.ballot.label for name, question in earlier.items()}
    counting = Counting(ask.line, frozenset(ask.classes), erasures)
    count(view, asked, answers, counting, earlier)
    changed = [q for name, q in earlier.items() if q.ballot.label != before[name]]
    gone = [q for q in changed if before[q.event_id] is not None]
    unlabelled = (q.ballot.unlabelled for q in (*asked, *gone))
    return Settlement(
        asked=asked,
        changed=changed,
        gone=frozenset(q.event_id for q in gone),
        sheet=kept.replaced([*earlier.values(), *asked]),
        excluded=Counter(str(why) for why in unlabelled if why is not None) + counting.excluded,
        refused=counting.refused,
    )


def count(
    view: LineView,
    asked: Sequence[Question],
    answers: Sequence[Answer],
    counting: Counting,
    earlier: Mapping[str, Question],
) -> list[Question]:
    """Count answers into the round's questions and earlier ones.

    An answer to a disagreement counts only when it came after people were asked about that.

    Returns:
        The questions of the round that one person more was asked about.
    """
    questions = {**earlier, **{question.event_id: question for question in asked}}
    if view.adjudication is None or view.ask is None:
        counting.take(answers, questions)
        return []
    known = {
        span.partition: span.last_offset
        for span in view.adjudication.inputs
        if span.topic == LABEL_REVIEWS.name
    }
    first, later = parted(answers, known)
    counting.take(first, questions)
    ties = settle(asked, view.adjudication.label_cost - view.ask.label_cost)
    counting.take(later, questions)
    return ties
