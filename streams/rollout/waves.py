"""When a wave opens, when it is widened, and when a release has reached everybody."""

from collections.abc import Callable

from schemas.records import ReleaseKind
from schemas.strata import StratumStatus
from streams.rollout.standing import ReleaseStanding, Step


def opening_step(at: ReleaseStanding, conflict: Callable[[str], str | None]) -> Step | None:
    """The first wave, wherever no other release is open.

    Args:
        at: The release.
        conflict: Names the release that is open in a stratum, if any.
    """
    approved = [name for name, view in at.strata.items() if view.status is StratumStatus.APPROVED]
    free = [name for name in approved if conflict(name) is None]
    if not free:
        return None
    return Step(
        kind=ReleaseKind.WAVE_OPENED,
        reason="approved, and no other release is open",
        stratum=None if free == approved else free[0],
        wave=0,
        share=at.policy.waves[0],
    )


def advancing_step(at: ReleaseStanding, stratum: str) -> Step | None:
    """The next step of an open stratum without harm; None: time or devices are still wanted."""
    view, policy = at.strata[stratum], at.policy
    if view.status is not StratumStatus.OPEN or view.wave is None:
        return None
    soak_s = _soak_s(at, view.wave)
    if at.passed_s(stratum) < soak_s:
        return None
    if not _wanting(at, stratum, view.wave):
        last = _is_last(at, view.wave)
        return _complete(at, stratum) if last else _next_wave(at, stratum, view.wave + 1)
    if at.passed_s(stratum) < soak_s + policy.patience_s:
        return None
    return _unproven(at, stratum, view.wave)


def missing(at: ReleaseStanding, stratum: str) -> list[str]:
    """What an open stratum still wants before its next step, in words; empty: nothing."""
    view = at.strata[stratum]
    if view.status is not StratumStatus.OPEN or view.wave is None:
        return []
    left_s = _soak_s(at, view.wave) - at.passed_s(stratum)
    soak = [f"{left_s:.0f} s of soak"] if left_s > 0 else []
    return soak + _wanting(at, stratum, view.wave)


def _wanting(at: ReleaseStanding, stratum: str, wave: int) -> list[str]:
    """Devices and proof that are missing. The first wave is too small to prove safety."""
    wanted = at.policy.minimum_devices - at.updates(stratum).decided
    devices = [f"{wanted} more decided devices"] if wanted > 0 else []
    proof = (wave == 0 and not _is_last(at, wave)) or at.proven(stratum)
    return devices if proof else [*devices, "proof of safety"]


def _is_last(at: ReleaseStanding, wave: int) -> bool:
    return wave + 1 >= len(at.policy.waves)


def _soak_s(at: ReleaseStanding, wave: int) -> float:
    return at.policy.last_soak_s if _is_last(at, wave) else at.policy.soak_s


def _next_wave(at: ReleaseStanding, stratum: str, wave: int) -> Step:
    share = max(at.policy.waves[wave], at.strata[stratum].share)
    return Step(
        kind=ReleaseKind.WAVE_OPENED,
        reason=f"wave {wave - 1} showed no harm{'' if wave == 1 else ' and proved safe'}",
        stratum=stratum,
        wave=wave,
        share=share,
    )


def _complete(at: ReleaseStanding, stratum: str) -> Step:
    return Step(
        kind=ReleaseKind.COMPLETED,
        reason=f"proved safe for {at.policy.monitor_s:g} s after the last wave",
        stratum=stratum,
    )


def _unproven(at: ReleaseStanding, stratum: str, wave: int) -> Step:
    share, budget = at.strata[stratum].share, at.policy.exposure_budget
    decided = at.updates(stratum).decided
    if share < budget:
        return Step(
            kind=ReleaseKind.WAVE_EXTENDED,
            reason=f"{decided} devices prove neither harm nor safety; widened within the budget",
            stratum=stratum,
            wave=wave,
            share=min(share * at.policy.extension, budget),
        )
    return Step(
        kind=ReleaseKind.HELD,
        reason=f"{decided} devices prove neither harm nor safety; a person must decide",
        stratum=stratum,
    )
