"""A release in one stratum, and what a decision makes of it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from schemas.pacing import Pace
from schemas.records import ModelRelease
from schemas.records import ReleaseKind as K
from schemas.strata import StratumStatus as S
from schemas.transitions import NEXT


class Shadow(NamedTuple):
    """A release run beside the live model, outputs unused.

    Attributes:
        opened_us: Broker stamp of its begin, microseconds.
        share: Share of the stratum that runs it, in (0, 1].
        over: It was judged, or a person ended it: it is not begun again.
    """

    opened_us: int
    share: float
    over: bool = False


class Resumption(NamedTuple):
    """What a person let go on.

    Attributes:
        at_us: Broker stamp of the decision, microseconds.
        seen: The evidence there was, by name as in `Evidence.thresholds`.
    """

    at_us: int
    seen: Mapping[str, float]


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
        unseen: It was held because the gate did not see what happened there.
        stalled: The rollback has passed its deadline.
        resumed: The last time that a person let it go on: what was seen then is acknowledged.
        completed_us: Broker stamp of its completion, microseconds; None: it was not completed.
        completed_failures: Updates known to have failed when it was completed; None: it was not.
        rollback_to: Release and digest to return to, once ordered back.
        shadow: Its shadow; None: it was never in one.
        pace: How fast the last opening reaches its devices; None: all at once.
        openings: Broker stamp and share of each decision that widened it, in log order.
        driven_m: Metres that the release was driven for before its wave was opened.
    """

    status: S
    wave: int | None = None
    share: float = 0.0
    reason: str = ""
    since_us: int
    harmed_us: int | None = None
    unseen: bool = False
    stalled: bool = False
    resumed: Resumption | None = None
    completed_us: int | None = None
    completed_failures: int | None = None
    rollback_to: tuple[str, str] | None = None
    shadow: Shadow | None = None
    pace: Pace | None = None
    openings: tuple[tuple[int, float], ...] = ()
    driven_m: float = 0.0

    def reached(self, now_us: int) -> float:
        """Share of the stratum that the open wave has reached, never more than `share`."""
        return self.share if self.pace is None else self.pace.reached(self.share, now_us)

    @property
    def delivered_us(self) -> int:
        """When the open wave has reached all its devices, microseconds."""
        return self.since_us if self.pace is None else self.pace.reaches_us(self.share)


def moved(name: str, view: StratumView, record: ModelRelease, stamp_us: int) -> StratumView | None:
    """The stratum after a decision, or None when the decision may not come from its status."""
    status = NEXT.get((record.kind, view.status))
    if status is None:
        return None
    after = replace(view, status=status, since_us=stamp_us, reason=record.reason, unseen=False)
    if view.shadow is not None and view.status is S.SHADOW and status is not S.PAUSED:
        after = replace(after, shadow=view.shadow._replace(over=True))
    return _refined(name, view, after, record)


def _refined(
    name: str, view: StratumView, after: StratumView, record: ModelRelease
) -> StratumView | None:
    evidence = record.evidence
    match record.kind:
        case K.SHADOW_OPENED:
            return _shadowed(after, record)
        case K.WAVE_OPENED | K.WAVE_EXTENDED:
            return _widened(name, view, after, record)
        case K.ROLLBACK_ORDERED:
            return _ordered_back(after, record)
        case K.HELD:
            after = replace(after, harmed_us=_harmed_us(after, record), unseen=_unseen(record))
        case K.RESUMED:
            seen = Resumption(after.since_us, evidence.thresholds if evidence else {})
            after = replace(after, status=_resumed(view), harmed_us=None, resumed=seen)
            if view.pace is not None:  # nobody was reached while it was held
                reached = view.reached(view.since_us)
                after = replace(after, pace=Pace(after.since_us, reached, view.pace.per_minute))
        case K.COMPLETED:
            failures = _failed_updates(record)
            after = replace(after, completed_us=after.since_us, completed_failures=failures)
        case K.ROLLBACK_STALLED:
            # The order's own time stays: it is what the deadline counts from.
            after = replace(after, stalled=True, since_us=view.since_us)
    return after


def _resumed(view: StratumView) -> S:
    """What was paused in shadow has not passed it; what was held after it is a person's to open."""
    if view.wave is not None:
        return S.OPEN
    return S.APPROVED if view.shadow is None or view.shadow.over else S.SHADOW


def _shadowed(after: StratumView, record: ModelRelease) -> StratumView | None:
    if record.share is None or not 0.0 < record.share <= 1.0 or after.shadow is not None:
        return None
    return replace(after, shadow=Shadow(after.since_us, record.share))


def _widened(
    name: str, view: StratumView, after: StratumView, record: ModelRelease
) -> StratumView | None:
    opened = record.kind is K.WAVE_OPENED
    due = 0 if view.wave is None else view.wave + int(opened)
    if record.wave != due or record.share is None or not view.share <= record.share <= 1.0:
        return None
    openings = (*view.openings, (after.since_us, record.share))
    pace = _pace(name, view.reached(after.since_us), after.since_us, record)
    after = replace(after, wave=due, share=record.share, openings=openings, pace=pace)
    if opened and record.evidence is not None:
        after = replace(after, driven_m=record.evidence.thresholds.get(f"driven_m.{name}", 0.0))
    return after


def _pace(name: str, reached: float, since_us: int, record: ModelRelease) -> Pace | None:
    """So many devices a minute as a share of those there are; both stand in the record."""
    devices = record.evidence.thresholds.get(f"devices.{name}", 0.0) if record.evidence else 0.0
    if not record.rate_per_min or devices <= 0.0:
        return None
    return Pace(since_us, reached, record.rate_per_min / devices)


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


def _unseen(record: ModelRelease) -> bool:
    return record.evidence is not None and "unseen.age_s" in record.evidence.thresholds


def _failed_updates(record: ModelRelease) -> int:
    evidence = record.evidence
    return int(evidence.thresholds.get("updates.failures_low", 0)) if evidence else 0
