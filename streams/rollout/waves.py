"""When a wave opens, when it is widened, and when a release has reached everybody.

Each guard says in words why it holds in a stratum; None: it does not.
"""

import math

from schemas.strata import StratumStatus
from streams.rollout.standing import ReleaseStanding


def proven(at: ReleaseStanding, stratum: str) -> str | None:
    """The wave has shown what it must, and another one follows."""
    wave = at.strata[stratum].wave
    if wave is None or _is_last(at, wave) or not _ready(at, stratum, wave):
        return None
    return f"wave {wave} showed no harm{'' if wave == 0 else ' and proved safe'}"


def all_proven(at: ReleaseStanding, stratum: str) -> str | None:
    """The last wave has shown what it must, and was watched for long enough."""
    wave = at.strata[stratum].wave
    if wave is None or not _is_last(at, wave) or not _ready(at, stratum, wave):
        return None
    return f"proved safe for {at.policy.monitor_s:g} s after the last wave"


def unproven_in_budget(at: ReleaseStanding, stratum: str) -> str | None:
    """Patience is over without proof, and more devices may be exposed."""
    if not _unproven(at, stratum) or not _may_widen(at, stratum):
        return None
    return f"{_undecided(at, stratum)}; widened within the budget"


def unproven(at: ReleaseStanding, stratum: str) -> str | None:
    """Patience is over without proof, and no more devices may be exposed."""
    if not _unproven(at, stratum) or _may_widen(at, stratum):
        return None
    suspected = ", but harm is suspected" if at.suspected(stratum) else ""
    return f"{_undecided(at, stratum)}{suspected}; a person must decide"


def next_wave(at: ReleaseStanding, stratum: str) -> tuple[int, float]:
    """Number and cumulative share of the wave that follows; what is open never shrinks."""
    view = at.strata[stratum]
    wave = 0 if view.wave is None else view.wave + 1
    return wave, max(at.policy.share(wave, at.devices(stratum)), view.share)


def rate(at: ReleaseStanding, stratum: str | None) -> int:
    """Devices a minute of an opening: what the stratum has earned, or the slowest of all has."""
    names = at.strata if stratum is None else (stratum,)
    return min(at.policy.rate(at.updates(name).committed) for name in names)


def widened(at: ReleaseStanding, stratum: str, limit: float) -> float:
    """Share of the open wave after one extension."""
    return min(at.strata[stratum].share * at.policy.extension, limit)


def missing(at: ReleaseStanding, stratum: str) -> list[str]:
    """What an open stratum still wants before its next step, in words; empty: nothing."""
    view = at.strata[stratum]
    if view.status is not StratumStatus.OPEN or view.wave is None:
        return []
    left_s = _soak_s(at, stratum, view.wave) - at.passed_s(stratum)
    soak = [f"{left_s:.0f} s of soak"] if left_s > 0 else []
    wanting = _wanting(at, stratum, view.wave)
    if wanting:
        then = "widened" if _may_widen(at, stratum) else "held"
        wanting.append(f"else it is {then} in {left_s + at.policy.patience_s:.0f} s")
    return soak + wanting


def _ready(at: ReleaseStanding, stratum: str, wave: int) -> bool:
    return _soaked(at, stratum, wave) and not _wanting(at, stratum, wave)


def _unproven(at: ReleaseStanding, stratum: str) -> bool:
    wave = at.strata[stratum].wave
    if wave is None or not _soaked(at, stratum, wave, at.policy.patience_s):
        return False
    return bool(_wanting(at, stratum, wave))


def _undecided(at: ReleaseStanding, stratum: str) -> str:
    """What patience was over with, in words."""
    found = [f"{at.updates(stratum).decided} devices prove neither harm nor safety"]
    return ", ".join([*found, *_distance(at, stratum)])


def _may_widen(at: ReleaseStanding, stratum: str) -> bool:
    """Nobody is exposed for proof's sake to what is suspected of harm."""
    return at.strata[stratum].share < at.policy.exposure_budget and not at.suspected(stratum)


def _soaked(at: ReleaseStanding, stratum: str, wave: int, patience_s: float = 0.0) -> bool:
    return at.passed_s(stratum) >= _soak_s(at, stratum, wave) + patience_s


def _wanting(at: ReleaseStanding, stratum: str, wave: int) -> list[str]:
    """Devices, distance and proof that are missing.

    The first wave is too small to prove safety: it passes without, unless harm is suspected.
    """
    wanted = at.policy.minimum_devices - at.updates(stratum).decided
    exposed = [f"{wanted} more decided devices"] if wanted > 0 else []
    exposed += _distance(at, stratum)
    small = wave == 0 and not _is_last(at, wave) and not at.suspected(stratum)
    if small or at.proven(stratum):
        return exposed
    lacking = [test.metric for test in at.tests(stratum) if test.guard and not test.proven]
    return [*exposed, f"proof of safety by {' and '.join(lacking)}"]


def _distance(at: ReleaseStanding, stratum: str) -> list[str]:
    """The distance that is missing from the wave's soak."""
    left_m = at.policy.soak_m - (at.driven_m(stratum) - at.strata[stratum].driven_m)
    return [f"{math.ceil(left_m / 1_000)} more km driven with it"] if left_m > 0 else []


def _is_last(at: ReleaseStanding, wave: int) -> bool:
    return wave + 1 >= len(at.policy.waves)


def _soak_s(at: ReleaseStanding, stratum: str, wave: int) -> float:
    """Time since the last step: a wave soaks from when it has reached all its devices."""
    view = at.strata[stratum]
    soak_s = at.policy.last_soak_s if _is_last(at, wave) else at.policy.soak_s
    return soak_s + max(0, view.delivered_us - view.since_us) / 1e6
