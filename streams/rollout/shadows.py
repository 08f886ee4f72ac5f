"""When a release goes into shadow, and what it is let out for.

Each guard says in words why it holds in a stratum; None: it does not.
"""

from streams.rollout.rivals import free
from streams.rollout.rollbacks import harm_elsewhere
from streams.rollout.situation import Situation
from streams.rollout.standing import ReleaseStanding


def unshadowed(now: Situation, stratum: str) -> str | None:
    """It would open, and should run beside the live model first; a first release has none."""
    at = now.at
    if at.policy.shadow is None or at.parent is None or at.strata[stratum].shadow is not None:
        return None
    return free(now, stratum) and "approved; runs beside the live model first, outputs unused"


def slow(at: ReleaseStanding, stratum: str) -> str | None:
    """Its latency on the devices is beyond what may be: no look of a person changes that."""
    found = at.shadow(stratum)
    return f"{stratum} in shadow: {found.slow.told()}" if found and found.slow else None


def differs(at: ReleaseStanding, stratum: str) -> str | None:
    """It sees one class or region otherwise: better or worse, only a person can tell."""
    found = at.shadow(stratum)
    if found is None or found.different is None:
        return None
    return f"{stratum} in shadow: {found.different.told()}; a person decides whether for the worse"


def passed(now: Situation, stratum: str) -> str | None:
    """Enough was compared, nothing was found, nothing is known against it, and it may open."""
    if missing(now.at, stratum) or harm_elsewhere(now.at, stratum) or not free(now, stratum):
        return None
    found = now.at.shadow(stratum)
    return f"shadow showed no harm in {found.encounters if found else 0} encounters"


def unclear(now: Situation, stratum: str) -> str | None:
    """Compared enough, but another stratum was harmed; or too little was compared for too long.

    One that waits for another release is not held: held, it would be in the other's way.
    """
    at, lacking = now.at, missing(now.at, stratum)
    if not free(now, stratum):
        return None
    if not lacking:
        return harm_elsewhere(at, stratum)
    if at.passed_s(stratum) < at.policy.soak_s + at.policy.patience_s:
        return None
    return f"{stratum} in shadow still lacks {' and '.join(lacking)}; a person decides"


def missing(at: ReleaseStanding, stratum: str) -> list[str]:
    """What a shadow still wants before its release opens, in words; empty: nothing."""
    rule, found = at.policy.shadow, at.shadow(stratum)
    if rule is None or found is None:
        return []
    left_s = at.policy.soak_s - at.passed_s(stratum)
    wanted = rule.minimum_encounters - found.encounters
    soak = [f"{left_s:.0f} s of soak"] if left_s > 0 else []
    return [*soak, f"{wanted} more encounters seen by both"] if wanted > 0 else soak
