"""What harm does: order back, hold the others for a person, and see the devices return.

Each guard says in words why it holds in a stratum; None: it does not.
"""

from streams.rollout.standing import ReleaseStanding


def harm(at: ReleaseStanding, stratum: str) -> str | None:
    """A test has found harm, and the devices can go back."""
    return None if at.parent is None else _failing(at, stratum)


def harm_without_parent(at: ReleaseStanding, stratum: str) -> str | None:
    """A test has found harm, and there is nothing to go back to."""
    failing = _failing(at, stratum) if at.parent is None else None
    return failing and f"{failing}; the first release has nothing to go back to"


def critical(at: ReleaseStanding, stratum: str) -> str | None:
    """Devices gave a safety reason: no statistics, a person looks."""
    told = at.critical(stratum)
    if told < at.policy.kill_count:
        return None
    since = "" if at.strata[stratum].resumed is None else " since it was resumed"
    return f"{told} devices of {stratum} gave a safety reason{since}"


def mismatch(at: ReleaseStanding, stratum: str) -> str | None:
    """The wave is not made of the devices it should be; once for each opening.

    A person who lets it go on has seen that.
    """
    found = at.sample_ratio_mismatch(stratum)
    if found is None or not found.found or at.strata[stratum].since_us > found.opened_us:
        return None
    return f"{stratum}: {found.told()}"


def blind(at: ReleaseStanding, stratum: str) -> str | None:
    """The gate does not see what it decides about: nothing new begins until a person has looked."""
    unseen = at.unseen(stratum)
    return unseen and unseen.told


def harm_elsewhere(at: ReleaseStanding, stratum: str) -> str | None:
    """Harm in one stratum holds those that were open then; a person lets them go on."""
    harmed = {name: us for name, view in at.strata.items() if (us := view.harmed_us) is not None}
    if not harmed:
        return None
    where, latest_us = max(harmed.items(), key=lambda item: item[1])
    if at.strata[stratum].since_us >= latest_us:
        return None
    return f"harm in {where}; a person decides about {stratum}"


def all_back(at: ReleaseStanding, stratum: str) -> str | None:
    """Every device that had taken the release is known to be on another model."""
    updates = at.updates(stratum)
    if updates.may_run_it > 0 or at.passed_s(stratum) < at.policy.rollback_settle_s:
        return None
    return f"all {updates.rolled_back} devices of {stratum} that had taken it are back"


def overdue(at: ReleaseStanding, stratum: str) -> str | None:
    """The rollback should be over and is not; it is said once."""
    late = at.passed_s(stratum) >= at.policy.rollback_deadline_s
    if at.strata[stratum].stalled or not late:
        return None
    return f"{at.updates(stratum).may_run_it} devices of {stratum} are not known to be back"


def _failing(at: ReleaseStanding, stratum: str) -> str | None:
    if not at.harmful(stratum):
        return None
    return f"{stratum}: {at.worst(stratum).told()}"
