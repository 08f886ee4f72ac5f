"""What harm does: order back, hold the others for a person, and see the devices return."""

from collections.abc import Iterator

from schemas.records import ReleaseKind
from schemas.strata import ACTIVE, StratumStatus
from streams.rollout.standing import ReleaseStanding, Step


def harm_steps(at: ReleaseStanding) -> Iterator[Step]:
    """Steps that harm calls for, the most urgent first."""
    for stratum in at.strata:
        if (step := _own_harm(at, stratum)) is not None:
            yield step
    yield from _others_held(at)
    for stratum in at.strata:
        if (step := _returning(at, stratum)) is not None:
            yield step


def _own_harm(at: ReleaseStanding, stratum: str) -> Step | None:
    view = at.strata[stratum]
    if view.status not in ACTIVE:
        return None
    is_open = view.status is StratumStatus.OPEN
    if at.harmful(stratum):
        failures, policy = at.failures(stratum), at.policy
        reason = f"{failures} devices of {stratum} failed: more than {policy.ceiling:.1%} may"
        if at.parent is not None:
            return Step(
                kind=ReleaseKind.ROLLBACK_ORDERED,
                reason=reason,
                stratum=stratum,
                rollback_to=at.parent,
            )
        if is_open:
            reason += "; the first release has nothing to go back to"
            return Step(kind=ReleaseKind.HELD, reason=reason, stratum=stratum)
    critical = at.updates(stratum).critical
    if is_open and view.excused_failures is None and critical >= at.policy.kill_count:
        reason = f"{critical} devices of {stratum} gave a safety reason"
        return Step(kind=ReleaseKind.HELD, reason=reason, stratum=stratum)
    return None


def _others_held(at: ReleaseStanding) -> Iterator[Step]:
    """Harm in one stratum holds those that were open then; a person lets them go on."""
    harmed = {name: us for name, view in at.strata.items() if (us := view.harmed_us) is not None}
    if not harmed:
        return
    where, latest = max(harmed.items(), key=lambda item: item[1])
    for stratum, view in at.strata.items():
        if view.status in (StratumStatus.OPEN, StratumStatus.APPROVED) and view.since_us < latest:
            yield Step(
                kind=ReleaseKind.HELD,
                reason=f"harm in {where}; a person decides about {stratum}",
                stratum=stratum,
            )


def _returning(at: ReleaseStanding, stratum: str) -> Step | None:
    view = at.strata[stratum]
    if view.status is not StratumStatus.ROLLING_BACK:
        return None
    away = at.updates(stratum).may_run_it
    if away == 0 and at.passed_s(stratum) >= at.policy.rollback_settle_s:
        back = at.updates(stratum).rolled_back
        reason = f"all {back} devices of {stratum} that had taken it are back"
        return Step(kind=ReleaseKind.ROLLBACK_DONE, reason=reason, stratum=stratum)
    if not view.stalled and at.passed_s(stratum) >= at.policy.rollback_deadline_s:
        reason = f"{away} devices of {stratum} are not known to be back"
        return Step(kind=ReleaseKind.ROLLBACK_STALLED, reason=reason, stratum=stratum)
    return None
