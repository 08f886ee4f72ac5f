"""What a person's command does to a release, by the table of the state machine."""

from collections.abc import Iterable

from schemas.records import CommandKind, ReleaseKind
from schemas.transitions import TABLE, Transition
from streams.rollout.ledger import Order
from streams.rollout.standing import ReleaseStanding, Step
from streams.rollout.waves import rate, widened

_LOOSENING = frozenset({CommandKind.RESUME, CommandKind.EXTEND})
"""Orders that let a release go on: they count only for what the person saw, a later hold stands;
and they are taken one stratum after the other, each with its own evidence."""

_BACK = ReleaseKind.ROLLBACK_ORDERED


def ordered_step(at: ReleaseStanding, orders: Iterable[Order]) -> Step | None:
    """The step of the first command that can be obeyed; those before it have come to nothing.

    APPROVE is no step: approvals are counted where they are needed.
    """
    steps = (_obeyed(at, order) for order in orders)
    return next((step for step in steps if step is not None), None)


def obedient(
    at: ReleaseStanding, command: CommandKind, stratum: str | None
) -> dict[Transition, list[str]]:
    """Rows by which a command would move strata as they stand, with those strata."""
    found = {
        row: [
            name
            for name, view in at.strata.items()
            if stratum in (None, name)
            and view.status in row.sources
            and not (command is CommandKind.EXTEND and view.share >= at.policy.widest)
        ]
        for row in TABLE
        if row.cause is command
    }
    if at.parent is None or at.retired:
        found = {row: names for row, names in found.items() if row.kind is not _BACK}
    return {row: names for row, names in found.items() if names}


def _obeyed(at: ReleaseStanding, order: Order) -> Step | None:
    """One decision for each row that applies, or stratum when it loosens; done with the last."""
    command = order.command
    loosening = command.command in _LOOSENING
    due = [
        (row, names)
        for row, able in obedient(at, command.command, command.stratum).items()
        if (names := [n for n in able if not (loosening and _came_later(at, n, order))])
    ]
    if not due:
        return None
    row, names = due[0]
    last = len(due) == 1 and not (loosening and len(names) > 1)
    stratum = names[0] if loosening else command.stratum
    wider = row.kind is ReleaseKind.WAVE_EXTENDED
    return Step(
        kind=row.kind,
        reason=f"{command.command} by {command.by}: {command.reason}",
        stratum=stratum,
        handled=order.offset if last else None,
        rollback_to=at.parent if row.kind is _BACK else None,
        wave=at.strata[names[0]].wave if wider else None,
        share=widened(at, names[0], at.policy.widest) if wider else None,
        rate_per_min=rate(at, names[0]) if wider else None,
    )


def _came_later(at: ReleaseStanding, stratum: str, order: Order) -> bool:
    return order.stamp_us < at.strata[stratum].since_us
