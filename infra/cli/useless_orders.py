"""Orders that would come to nothing as things stand: they are refused before they are signed."""

from schemas import moments
from schemas.decisions import ReleaseView
from schemas.records import CommandKind, ReleaseKind
from schemas.strata import StratumStatus
from schemas.transitions import TABLE

_BACK = ReleaseKind.ROLLBACK_ORDERED


def useless(
    view: ReleaseView,
    kind: CommandKind,
    stratum: str | None,
    *,
    with_parent: bool,
    history_us: int | None,
) -> str | None:
    """Why an order would come to nothing, for a person to read; None: it would not.

    Args:
        view: The release.
        kind: What is ordered.
        stratum: Where; None: everywhere.
        with_parent: Whether it has a release to go back to.
        history_us: Since when the release is history, UTC microseconds; None: it is not.
    """
    stands = {name: at for name, at in view.strata.items() if stratum in (None, name)}
    if kind is CommandKind.APPROVE:
        waits = {StratumStatus.PROPOSED, StratumStatus.VERIFIED}
        able = any(at.status in waits for at in stands.values())
        backs = False
    else:
        rows = [row for row in TABLE if row.cause is kind]
        backs = any(row.kind is _BACK for row in rows)
        if not with_parent or history_us is not None:
            rows = [row for row in rows if row.kind is not _BACK]
        able = any(at.status in row.sources for row in rows for at in stands.values())
    if able:
        return None
    found = ", ".join(f"{name} is {at.status}" for name, at in stands.items())
    if backs and history_us is not None:
        return (
            f"{found}, and it is history since {moments.spell(history_us)}: newer releases are "
            "completed in all its strata, and who still runs it gets the newest when it reports"
        )
    return found if with_parent else f"{found}, and there is no parent to go back to"
