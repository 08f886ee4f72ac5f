"""Where every SLO stands by the log alone: what the worker knows, read by somebody else."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from schemas.facts import Fact
from schemas.records import PartialKind, SloPartial
from streams.slo.burning import BurnFold
from streams.slo.engine import Engine
from streams.slo.explaining import Explanation
from streams.slo.objectives import Slo
from streams.withdrawals import Withdrawal


class UnknownIdentityError(LookupError):
    """No key of that name was counted; the message lists some that were."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One key of one SLO. `identity` is its name for people: slo/value/value."""

    identity: str
    explanation: Explanation


def standings(
    slos: Sequence[Slo], facts: Iterable[Fact], withdrawals: Mapping[Withdrawal, int]
) -> list[Standing]:
    """Every key that the newest count of slo-partials knows, in order of its identity.

    Args:
        slos: The SLO file; another one than the worker's shows what it would say.
        facts: Of slo-partials, in log order by partition.
        withdrawals: Releases rolled back, with the time.
    """
    held = list(facts)
    generation = _newest(held)
    folds: dict[int, BurnFold] = {}
    for fact in held:
        if isinstance(fact.record, SloPartial):
            fold = folds.get(fact.partition)
            if fold is None:
                fold = folds[fact.partition] = BurnFold(slos, generation, withdrawals)
            fold.observe(fact.record, fact.stamp_us)
    found = [one for fold in folds.values() for one in _keys(fold.engines.values())]
    return sorted(found, key=lambda one: one.identity)


def named(found: Sequence[Standing], identity: str) -> Standing:
    """The standing of that identity.

    Raises:
        UnknownIdentityError: There is none.
    """
    for one in found:
        if one.identity == identity:
            return one
    known = ", ".join(one.identity for one in found[:5]) or "none"
    raise UnknownIdentityError(f"no key {identity!r} was counted; there are: {known}")


def _newest(facts: Sequence[Fact]) -> str:
    """Generation of the worker that told its progress last."""
    told = [
        (fact.stamp_us, fact.record.generation)
        for fact in facts
        if isinstance(fact.record, SloPartial) and fact.record.kind is PartialKind.PROGRESS
    ]
    return max(told, default=(0, ""))[1]


def _keys(engines: Iterable[Engine]) -> Iterator[Standing]:
    for engine in engines:
        for labels in engine.keys():  # noqa: SIM118 - an engine is no dictionary
            values = (labels[label] for label in engine.slo.group_by)
            yield Standing("/".join((engine.slo.name, *values)), engine.explain(labels))
