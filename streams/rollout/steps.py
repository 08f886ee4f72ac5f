"""The next step of a release: the first row of the state machine's table whose guard holds."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from schemas.records import ReleaseKind
from schemas.transitions import NEXT, TABLE, Guard, Transition
from streams.rollout import rivals, rollbacks, shadows, verification, waves
from streams.rollout.orders import ordered_step
from streams.rollout.situation import Situation
from streams.rollout.standing import ReleaseStanding, Step

Holds = Callable[[Situation, str], str | None]
"""Why a guard holds in a stratum, in words; None: it does not."""


def _of_standing(guard: Callable[[ReleaseStanding, str], str | None]) -> Holds:
    return lambda now, stratum: guard(now.at, stratum)


GUARDS: Final[Mapping[Guard, Holds]] = {
    Guard.FAULTY: verification.faulty,
    Guard.FAULTLESS: verification.faultless,
    Guard.OVERTAKEN: rivals.overtaken,
    Guard.SIGNED: verification.signed,
    Guard.OUTRANKED: rivals.outranked,
    Guard.HARM: _of_standing(rollbacks.harm),
    Guard.HARM_WITHOUT_PARENT: _of_standing(rollbacks.harm_without_parent),
    Guard.CRITICAL: _of_standing(rollbacks.critical),
    Guard.MISMATCH: _of_standing(rollbacks.mismatch),
    Guard.BLIND: _of_standing(rollbacks.blind),
    Guard.HARM_ELSEWHERE: _of_standing(rollbacks.harm_elsewhere),
    Guard.ALL_BACK: _of_standing(rollbacks.all_back),
    Guard.OVERDUE: _of_standing(rollbacks.overdue),
    Guard.SHADOW_SLOW: _of_standing(shadows.slow),
    Guard.SHADOW_DIFFERS: _of_standing(shadows.differs),
    Guard.SHADOW_PASSED: shadows.passed,
    Guard.SHADOW_UNCLEAR: shadows.unclear,
    Guard.UNSHADOWED: shadows.unshadowed,
    Guard.FREE: rivals.free,
    Guard.PROVEN: _of_standing(waves.proven),
    Guard.ALL_PROVEN: _of_standing(waves.all_proven),
    Guard.UNPROVEN_IN_BUDGET: _of_standing(waves.unproven_in_budget),
    Guard.UNPROVEN: _of_standing(waves.unproven),
}

_WIDENING: Final = frozenset({ReleaseKind.SHADOW_OPENED, ReleaseKind.WAVE_OPENED})
_GUARDED: Final = tuple((row, GUARDS[row.cause]) for row in TABLE if isinstance(row.cause, Guard))


def next_step(now: Situation) -> Step | None:
    """What a person ordered, else what the first row calls for; None: nothing is due."""
    ordered = ordered_step(now.at, now.ledger.open_orders(now.at.release_id))
    return ordered or next(_called_for(now), None)


def _called_for(now: Situation) -> Iterator[Step]:
    strata = {name: view.status for name, view in now.at.strata.items()}
    standing = frozenset(strata.values())
    for row, holds in _GUARDED:
        if standing.isdisjoint(row.sources):
            continue
        found = {
            name: reason
            for name, status in strata.items()
            if status in row.sources and (reason := holds(now, name)) is not None
        }
        if found:
            yield _step(now, row, found)


def _alike(at: ReleaseStanding, row: Transition, names: Iterable[str]) -> bool:
    """Whether one record can say it of all strata: a first wave is wider in a small one."""
    if row.kind not in _WIDENING:
        return True
    return len({waves.next_wave(at, name) for name in names}) == 1


def _step(now: Situation, row: Transition, found: Mapping[str, str]) -> Step:
    """The decision about the first stratum, or about all when each that could go may go."""
    stratum, reason = next(iter(found.items()))
    able = sum((row.kind, view.status) in NEXT for view in now.at.strata.values())
    everywhere = row.together and len(found) == able and _alike(now.at, row, found)
    step = Step(kind=row.kind, reason=reason, stratum=None if everywhere else stratum)
    match row.kind:
        case ReleaseKind.APPROVED:
            approvals = now.ledger.approvals(now.at.view)
            handled = max(order.offset for order in approvals.values())
            return replace(step, approvers=tuple(sorted(approvals)), handled=handled)
        case ReleaseKind.SHADOW_OPENED:
            return replace(step, share=waves.next_wave(now.at, stratum)[1])
        case ReleaseKind.WAVE_OPENED:
            wave, share = waves.next_wave(now.at, stratum)
            rate = waves.rate(now.at, step.stratum)
            return replace(step, wave=wave, share=share, rate_per_min=rate)
        case ReleaseKind.WAVE_EXTENDED:
            share = waves.widened(now.at, stratum, now.at.policy.exposure_budget)
            rate = waves.rate(now.at, stratum)
            wave_open = now.at.strata[stratum].wave
            return replace(step, wave=wave_open, share=share, rate_per_min=rate)
        case ReleaseKind.ROLLBACK_ORDERED:
            return replace(step, rollback_to=now.at.parent)
        case _:
            return step
