"""The ledger as people read it: what the decided records say was paid, and what became of it."""

from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from schemas.question_book import Asked, QuestionBook


class By(StrEnum):
    """What one row is about."""

    LINE = "line"
    DATASET = "dataset"
    REVIEWER = "reviewer"


def rows(book: QuestionBook, by: By, line: str | None) -> list[dict[str, Any]]:
    """The ledger, one row a line, a dataset or a reviewer.

    Args:
        book: Questions and answers of the log.
        by: What one row is about.
        line: Only of this dataset line; None: of all.
    """
    asked = [one for one in book.all() if line in (None, one.request.budget_line)]
    match by:
        case By.REVIEWER:
            return _by_reviewer(book, asked)
        case By.DATASET:
            return list(_by_dataset(book, asked, line))
        case By.LINE:
            return list(_by_line(book, asked, line))


def _by_dataset(
    book: QuestionBook, asked: list[Asked], line: str | None
) -> Iterator[dict[str, Any]]:
    for ask in book.asks:
        if line in (None, ask.line):
            paid = book.paid(ask)
            about = [one for one in asked if one.request.ask_id == ask.event_id]
            yield {"line": ask.line, "dataset": ask.dataset_id, "paid": paid} | _counts(book, about)


def _by_line(book: QuestionBook, asked: list[Asked], line: str | None) -> Iterator[dict[str, Any]]:
    for name in sorted({ask.line for ask in book.asks}):
        if line in (None, name):
            about = [one for one in asked if one.request.budget_line == name]
            view = book.lines.line(name)
            yield {"line": name, "paid": view.committed} | _counts(book, about)


def _by_reviewer(book: QuestionBook, asked: list[Asked]) -> list[dict[str, Any]]:
    answered: Counter[str] = Counter()
    standing: Counter[str] = Counter()
    withdrawn: Counter[str] = Counter()
    for one in asked:
        standing.update(vote.reviewer for vote in book.ballot(one).votes)
        for review in one.reviews.values():
            (answered if review.withdraws is None else withdrawn)[review.reviewer] += 1
    return [
        {
            "reviewer": name,
            "answered": answered[name],
            "standing": standing[name],
            "withdrawn": withdrawn[name],
        }
        for name in sorted(answered | withdrawn)
    ]


def _counts(book: QuestionBook, asked: list[Asked]) -> dict[str, int]:
    ballots = [book.ballot(one) for one in asked]
    return {
        "encounters": len(asked),
        "asked": sum(len(one.requests) for one in asked),
        "answered": sum(len(ballot.votes) for ballot in ballots),
        "open": sum(ballot.wanted - len(ballot.votes) for ballot in ballots),
        "withdrawn": sum(len(ballot.taken_back) for ballot in ballots),
        "labelled": sum(ballot.label is not None for ballot in ballots),
        "disputed": sum(ballot.tied for ballot in ballots),
    }
