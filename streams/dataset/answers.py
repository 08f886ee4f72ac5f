"""The answers to a question: one label per encounter, whatever order the reviews came in."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

SKIP = "SKIP"


@dataclass(frozen=True, slots=True)
class Answer:
    """One review with its place in the log."""

    encounter_id: str
    label: str
    partition: int
    offset: int


def labels(
    answers: Iterable[Answer], asked: frozenset[str]
) -> tuple[Mapping[str, str], Counter[str]]:
    """The label of each answered encounter, and the reviews left out by reason.

    The first usable review of an encounter in log order counts. All reviews of a device lie in
    one partition, so that order does not depend on how the log was read.

    Args:
        answers: Reviews read from the log.
        asked: Encounters the question was about.
    """
    chosen: dict[str, str] = {}
    excluded: Counter[str] = Counter()
    for answer in sorted(answers, key=lambda a: (a.partition, a.offset)):
        if answer.encounter_id not in asked:
            excluded["NOT_ASKED"] += 1
        elif answer.label == SKIP:
            excluded["SKIPPED"] += 1
        elif answer.encounter_id in chosen:
            agrees = chosen[answer.encounter_id] == answer.label
            excluded["REPEATED" if agrees else "DISAGREES"] += 1
        else:
            chosen[answer.encounter_id] = answer.label
    return chosen, excluded
