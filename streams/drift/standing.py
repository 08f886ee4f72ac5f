"""Where every place stands by the log alone: what the worker knows, read by somebody else."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from schemas.facts import Fact
from schemas.records import DriftPartial, PartialKind
from streams.drift.comparing import ComparingFold
from streams.drift.comparison import Comparison
from streams.drift.partials import Place
from streams.drift.validations import Validations


class Verdict(StrEnum):
    """What can be said of a place."""

    DRIFTED = "DRIFTED"
    AS_VALIDATED = "AS_VALIDATED"
    TOO_FEW = "TOO_FEW"
    NOT_COMPARED = "NOT_COMPARED"


@dataclass(frozen=True, slots=True)
class Standing:
    """One place.

    Attributes:
        held: Its comparison; None: there is nothing to compare with.
        why_not: Why there is not.
    """

    place: Place
    held: Comparison | None
    why_not: str

    @property
    def verdict(self) -> Verdict:
        """What can be said of it now."""
        if self.held is None:
            return Verdict.NOT_COMPARED
        if self.held.shift is not None:
            return Verdict.DRIFTED
        return Verdict.AS_VALIDATED if self.held.looks else Verdict.TOO_FEW


def standings(facts: Iterable[Fact], validations: Validations) -> list[Standing]:
    """Every place that the newest stage one counted, in order.

    Args:
        facts: Of drift-partials, in log order by partition.
        validations: Of all releases.
    """
    counted = [fact for fact in facts if isinstance(fact.record, DriftPartial)]
    generation = _newest(counted)
    folds: dict[int, ComparingFold] = {}
    for fact in counted:
        if fact.record.generation == generation:
            fold = folds.get(fact.partition)
            if fold is None:
                fold = folds[fact.partition] = ComparingFold(validations, generation)
            fold.observe(fact.record, fact.stamp_us)
    return sorted(_places(folds.values()), key=lambda one: one.place)


def _newest(facts: Sequence[Fact]) -> str:
    """Generation of the worker that told its progress last."""
    told = [
        (fact.stamp_us, fact.record.generation)
        for fact in facts
        if fact.record.kind is PartialKind.PROGRESS
    ]
    return max(told, default=(0, ""))[1]


def _places(folds: Iterable[ComparingFold]) -> Iterator[Standing]:
    for fold in folds:
        for place, held in fold.places.items():
            yield Standing(place, held, "")
        for place in fold.unjudged:
            yield Standing(place, None, fold.validations.why_not(place.release_id))
