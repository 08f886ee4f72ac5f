"""A release in one stratum: its status, and which decision may move it from where to where."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from schemas.records import ModelRelease, ReleaseKind


class StratumStatus(StrEnum):
    """Where a release stands in one stratum."""

    PROPOSED = "PROPOSED"
    VERIFIED = "VERIFIED"
    APPROVED = "APPROVED"
    OPEN = "OPEN"
    HELD = "HELD"
    PAUSED = "PAUSED"
    ROLLING_BACK = "ROLLING_BACK"
    ROLLED_BACK = "ROLLED_BACK"
    COMPLETED = "COMPLETED"
    SUPERSEDED = "SUPERSEDED"
    ABORTED = "ABORTED"
    REJECTED = "REJECTED"


S = StratumStatus
K = ReleaseKind

ACTIVE: Final = frozenset({S.OPEN, S.HELD, S.PAUSED})
"""While a release is here, no other may open in its stratum."""
WITHDRAWN: Final = frozenset({S.ROLLING_BACK, S.ROLLED_BACK})
"""Whoever runs the release goes back."""
BEFORE_OPENING: Final = frozenset({S.PROPOSED, S.VERIFIED, S.APPROVED})

TRANSITIONS: Final[Mapping[ReleaseKind, tuple[frozenset[StratumStatus], StratumStatus]]] = {
    K.VERIFIED: (frozenset({S.PROPOSED}), S.VERIFIED),
    K.APPROVED: (frozenset({S.VERIFIED}), S.APPROVED),
    K.REJECTED: (BEFORE_OPENING, S.REJECTED),
    K.SHADOW_OPENED: (frozenset({S.APPROVED}), S.APPROVED),
    K.WAVE_OPENED: (frozenset({S.APPROVED, S.OPEN}), S.OPEN),
    K.WAVE_EXTENDED: (frozenset({S.OPEN}), S.OPEN),
    K.HELD: (frozenset({S.APPROVED, S.OPEN}), S.HELD),
    K.PAUSED: (frozenset({S.APPROVED, S.OPEN}), S.PAUSED),
    K.RESUMED: (frozenset({S.HELD, S.PAUSED}), S.OPEN),
    K.ROLLBACK_ORDERED: (ACTIVE | {S.COMPLETED, S.ABORTED}, S.ROLLING_BACK),
    K.ROLLBACK_DONE: (frozenset({S.ROLLING_BACK}), S.ROLLED_BACK),
    K.ROLLBACK_STALLED: (frozenset({S.ROLLING_BACK}), S.ROLLING_BACK),
    K.ABORTED: (BEFORE_OPENING | ACTIVE, S.ABORTED),
    K.SUPERSEDED: (BEFORE_OPENING | {S.COMPLETED}, S.SUPERSEDED),
    K.COMPLETED: (frozenset({S.OPEN}), S.COMPLETED),
}
"""Decision kind: (where it may come from, where it leads). PROPOSED makes the release."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StratumView:
    """A release in one stratum, as the valid decisions so far have it.

    Attributes:
        wave: Last opened wave; None: never opened.
        share: Cumulative share of the stratum that may run the release, in [0, 1].
        reason: Of the last decision.
        since_us: Broker stamp of the last decision, microseconds.
        harmed_us: Broker stamp of the step that held it or ordered it back because the evidence
            of harm had crossed; None: there was none, or a person resumed it.
        stalled: The rollback has passed its deadline.
        excused_failures: Known failures when a person resumed it; only more are new harm.
        rollback_to: Release and digest to return to, once ordered back.
    """

    status: StratumStatus
    wave: int | None = None
    share: float = 0.0
    reason: str = ""
    since_us: int
    harmed_us: int | None = None
    stalled: bool = False
    excused_failures: int | None = None
    rollback_to: tuple[str, str] | None = None


def moved(view: StratumView, record: ModelRelease, stamp_us: int) -> StratumView | None:
    """The stratum after a decision, or None when the decision may not come from its status."""
    allowed, status = TRANSITIONS.get(record.kind, (frozenset[StratumStatus](), view.status))
    if view.status not in allowed:
        return None
    after = replace(view, status=status, since_us=stamp_us, reason=record.reason)
    return _refined(view, after, record)


def _refined(view: StratumView, after: StratumView, record: ModelRelease) -> StratumView | None:
    match record.kind:
        case K.WAVE_OPENED | K.WAVE_EXTENDED:
            return _widened(view, after, record)
        case K.HELD:
            return replace(after, harmed_us=_harmed_us(after, record))
        case K.RESUMED:
            excused = record.evidence.failures_low if record.evidence else None
            back = S.APPROVED if view.wave is None else S.OPEN
            return replace(after, status=back, harmed_us=None, excused_failures=excused)
        case K.ROLLBACK_ORDERED:
            return _ordered_back(after, record)
        case K.ROLLBACK_STALLED:
            # The order's own time stays: it is what the deadline counts from.
            return replace(after, stalled=True, since_us=view.since_us)
        case _:
            return after


def _widened(view: StratumView, after: StratumView, record: ModelRelease) -> StratumView | None:
    opened = record.kind is K.WAVE_OPENED
    due = 0 if view.wave is None else view.wave + int(opened)
    if record.wave != due or record.share is None or not view.share <= record.share <= 1.0:
        return None
    return replace(after, wave=due, share=record.share)


def _ordered_back(after: StratumView, record: ModelRelease) -> StratumView | None:
    release, digest = record.rollback_to_release_id, record.rollback_to_digest
    if release is None or digest is None or release == record.release_id:
        return None
    return replace(after, rollback_to=(release, digest), harmed_us=_harmed_us(after, record))


def _harmed_us(after: StratumView, record: ModelRelease) -> int | None:
    evidence = record.evidence
    if evidence is None or evidence.e_harm < evidence.thresholds.get("harm", math.inf):
        return None
    return after.since_us
