"""What a person's command does to a release."""

from collections.abc import Iterable

from schemas.records import CommandKind, ReleaseKind
from schemas.strata import TRANSITIONS
from streams.rollout.ledger import Order
from streams.rollout.standing import ReleaseStanding, Step

_KINDS = {
    CommandKind.REJECT: ReleaseKind.REJECTED,
    CommandKind.PAUSE: ReleaseKind.PAUSED,
    CommandKind.RESUME: ReleaseKind.RESUMED,
    CommandKind.ABORT: ReleaseKind.ABORTED,
    CommandKind.ROLLBACK: ReleaseKind.ROLLBACK_ORDERED,
    CommandKind.KILL: ReleaseKind.ROLLBACK_ORDERED,
    CommandKind.EXTEND: ReleaseKind.WAVE_EXTENDED,
}
_LOOSENING = frozenset({CommandKind.RESUME, CommandKind.EXTEND})
"""Orders that let a release go on count only for what the person saw: a later hold stands."""

_ONE_BY_ONE = frozenset({ReleaseKind.RESUMED, ReleaseKind.WAVE_EXTENDED})
"""Taken one stratum after the other, each with its own evidence; done with the last."""


def ordered_step(at: ReleaseStanding, orders: Iterable[Order]) -> Step | None:
    """The step of the first command that can be obeyed; those before it have come to nothing.

    APPROVE is no step: approvals are counted where they are needed.
    """
    for order in orders:
        kind = _KINDS.get(order.command.command)
        if kind is not None and (step := _obeyed(at, order, kind)) is not None:
            return step
    return None


def _obeyed(at: ReleaseStanding, order: Order, kind: ReleaseKind) -> Step | None:
    command, parent = order.command, at.parent
    if kind is ReleaseKind.ROLLBACK_ORDERED and parent is None:
        if command.command is not CommandKind.KILL:
            return None
        kind = ReleaseKind.ABORTED  # nothing to go back to: at least nobody new takes it
    strata = _able(at, order, kind)
    if not strata:
        return None
    reason = f"{command.command} by {command.by}: {command.reason}"
    if kind in _ONE_BY_ONE:
        handled = order.offset if len(strata) == 1 else None
        return _loosened(at, strata[0], kind, reason, handled)
    return Step(
        kind=kind,
        reason=reason,
        stratum=command.stratum,
        handled=order.offset,
        rollback_to=parent if kind is ReleaseKind.ROLLBACK_ORDERED else None,
    )


def _loosened(
    at: ReleaseStanding, stratum: str, kind: ReleaseKind, reason: str, handled: int | None
) -> Step:
    view = at.strata[stratum]
    wider = kind is ReleaseKind.WAVE_EXTENDED
    return Step(
        kind=kind,
        reason=reason,
        stratum=stratum,
        handled=handled,
        wave=view.wave if wider else None,
        share=min(1.0, view.share * at.policy.extension) if wider else None,
    )


def _able(at: ReleaseStanding, order: Order, kind: ReleaseKind) -> list[str]:
    wanted = order.command.stratum
    loosening = order.command.command in _LOOSENING
    return [
        name
        for name, view in at.strata.items()
        if wanted in (None, name)
        and view.status in TRANSITIONS[kind][0]
        and not (loosening and order.stamp_us < view.since_us)
        and not (kind is ReleaseKind.WAVE_EXTENDED and view.share >= 1.0)
    ]
