"""What people are told of a rollout: conditions of one stratum for as long as they hold."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from schemas.records import Severity
from schemas.strata import StratumStatus
from streams.rollout.rivals import overtaken
from streams.rollout.situation import Situation
from streams.rollout.standing import ReleaseStanding

CRITICAL: Final = "RolloutCritical"
HELD: Final = "RolloutHeld"
BLIND: Final = "RolloutBlind"
ROLLBACK_ORDERED: Final = "RollbackOrdered"
ROLLBACK_STALLED: Final = "RollbackStalled"
DEFERRED: Final = "RolloutDeferred"
REGRESSED: Final = "RolloutRegressed"
COUNTED: Final = frozenset({DEFERRED, REGRESSED})
"""Those that follow from counts; the others follow from where a release stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A condition that holds in one stratum.

    Attributes:
        alertname: Name of the alert, and of its runbook.
        since_us: Ingest time at which it began, as far as that is known.
        summary: What it is, with its numbers.
    """

    alertname: str
    severity: Severity
    release_id: str
    stratum: str
    since_us: int
    summary: str


_Found = tuple[str, Severity, int, str]


def findings(now: Situation) -> Iterator[Finding]:
    """What holds in the strata of a release now, by the status of each."""
    for stratum, view in now.at.strata.items():
        for alertname, severity, since_us, summary in _found(now, stratum, view.status):
            yield Finding(
                alertname=alertname,
                severity=severity,
                release_id=now.at.release_id,
                stratum=stratum,
                since_us=since_us,
                summary=f"{now.at.release_id} in {stratum}: {summary}",
            )


def _found(now: Situation, stratum: str, status: StratumStatus) -> Iterator[_Found]:
    match status:
        case StratumStatus.HELD:
            yield _waiting(now.at, stratum)
        case StratumStatus.ROLLING_BACK:
            yield from _returning(now.at, stratum)
        case StratumStatus.OPEN:
            yield from _deferring(now.at, stratum)
        case StratumStatus.COMPLETED:
            yield from _regressing(now, stratum)
        case _:
            pass


def _waiting(at: ReleaseStanding, stratum: str) -> _Found:
    """The gate has stopped, and a person decides: at once where devices were harmed or unseen."""
    view = at.strata[stratum]
    if at.critical(stratum) >= at.policy.kill_count:
        return CRITICAL, Severity.PAGE, view.since_us, f"held, {view.reason}"
    if view.unseen and view.harmed_us is None:
        return BLIND, Severity.PAGE, view.since_us, f"held, {view.reason}"
    severity = Severity.TICKET if view.harmed_us is None else Severity.PAGE
    return HELD, severity, view.since_us, f"held, {view.reason}"


def _returning(at: ReleaseStanding, stratum: str) -> Iterator[_Found]:
    """Devices are on their way back, and are late."""
    view = at.strata[stratum]
    yield ROLLBACK_ORDERED, Severity.PAGE, view.since_us, "its devices are ordered back"
    if view.stalled:
        away = at.updates(stratum).may_run_it
        late = f"{away} devices are not known to be back after {at.policy.rollback_deadline_s:g} s"
        yield ROLLBACK_STALLED, Severity.PAGE, view.since_us, late


def _deferring(at: ReleaseStanding, stratum: str) -> Iterator[_Found]:
    """Devices that would take the release cannot: the wave is smaller than it looks."""
    updates = at.updates(stratum)
    waiting = min(updates.deferred, updates.offered - updates.accepted)
    enough = updates.offered >= at.policy.minimum_devices
    if enough and waiting > at.policy.deferred_share * updates.offered:
        told = f"{waiting} of {updates.offered} devices deferred and have not accepted since"
        yield DEFERRED, Severity.TICKET, at.now_us, told


def _regressing(now: Situation, stratum: str) -> Iterator[_Found]:
    """Devices failed after everybody had it; a release that opened since makes that history."""
    known = now.at.strata[stratum].completed_failures or 0
    more = now.at.updates(stratum).counts.failures_low - known
    if more > 0 and overtaken(now, stratum) is None:
        told = f"{more} devices failed or reverted after it was completed"
        yield REGRESSED, Severity.TICKET, now.at.now_us, told
