"""Releases that want the same stratum: who goes first, and who has been overtaken.

Each guard says in words why it holds in a stratum; None: it does not.
"""

from collections.abc import Iterator
from typing import Final

from schemas.decisions import ReleaseView
from schemas.strata import StratumStatus
from schemas.stratum_view import StratumView
from streams.rollout.situation import Situation

_WAITING: Final = frozenset({StratumStatus.APPROVED, StratumStatus.SHADOW})
"""Approved, and not open yet."""


def overtaken(now: Situation, stratum: str) -> str | None:
    """A newer release has opened here: this one would only take devices back."""
    for other, there in _rivals(now, stratum):
        newer = other.proposal.counter > now.at.view.proposal.counter
        if newer and there.wave is not None:
            return f"release {other.proposal.release_id} was opened before it"
    return None


def outranked(now: Situation, stratum: str) -> str | None:
    """A release that answers a recall does not wait for one that does not."""
    if now.at.view.proposal.recall_id is not None:
        return None
    for other, there in _rivals(now, stratum):
        recall = other.proposal.recall_id
        if recall is not None and there.status in _WAITING:
            return f"release {other.proposal.release_id} answers recall {recall} and goes first"
    return None


def free(now: Situation, stratum: str) -> str | None:
    """Nothing is open here, the gate sees, and of those approved this one goes first."""
    conflict = now.ledger.book.conflict(now.at.release_id, stratum)
    if conflict is not None or now.at.unseen(stratum) is not None:
        return None
    mine = _rank(now.at.view)
    waiting = (
        other
        for other, there in _rivals(now, stratum)
        if there.status in _WAITING and _rank(other) > mine
    )
    return None if any(waiting) else "approved, and no other release is open"


def _rank(view: ReleaseView) -> tuple[bool, int]:
    """Recalls before others, then the newer counter."""
    return view.proposal.recall_id is not None, view.proposal.counter


def _rivals(now: Situation, stratum: str) -> Iterator[tuple[ReleaseView, StratumView]]:
    """Other releases for the same machines and stratum, and where they stand in it."""
    mine = now.at.view.proposal
    for other in now.ledger.book.releases.values():
        same = other.proposal.device_class is mine.device_class
        if same and other.proposal.release_id != mine.release_id and stratum in other.strata:
            yield other, other.strata[stratum]
