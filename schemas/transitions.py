"""The state machine of a rollout as one table: readers, gate, orders and documents work by it."""

from collections.abc import Mapping
from enum import Enum
from typing import Final, NamedTuple

from schemas.records import CommandKind as C
from schemas.records import ReleaseKind as K
from schemas.strata import ACTIVE, BEFORE_OPENING, WAITING
from schemas.strata import StratumStatus as S


class Guard(Enum):
    """What the gate looks at in one stratum; the value says when it holds."""

    FAULTY = "the proposal breaks a rule of its counter, strata, deadlines, artifact or parent"
    FAULTLESS = "the proposal breaks no rule"
    OVERTAKEN = "a release with a higher counter has opened here"
    SIGNED = "a signer who is not the author approved; two signers when it is safety-relevant"
    OUTRANKED = "an approved release that answers a recall waits for this stratum"
    HARM = "evidence of harm in one of the `metrics`, and a parent to go back to"
    HARM_WITHOUT_PARENT = "the same evidence, and no parent"
    CRITICAL = "`kill_count` devices gave a safety reason that had not when a person resumed it"
    MISMATCH = "evidence that those heard of are not in the wave as its share has it"
    BLIND = "a source was not read for 5 min, or no device reported for two `rate_window_s`"
    HARM_ELSEWHERE = "harm was found in another stratum after the last step here"
    ALL_BACK = "`rollback_settle_s` passed and no device may still run it"
    OVERDUE = "`rollback_deadline_s` passed"
    UNSHADOWED = "the policy has `shadow`, a parent runs here, it was not in shadow yet, and FREE"
    SHADOW_SLOW = "evidence in shadow that more devices than may would miss the latency objective"
    SHADOW_DIFFERS = "evidence in shadow that it differs in a class or region more than it may"
    SHADOW_PASSED = "soaked, `minimum_encounters` compared without such evidence, and FREE"
    SHADOW_UNCLEAR = "passed but for harm elsewhere; or not passed `patience_s` after its soak"
    FREE = "no other release is open here, and no approved one goes first"
    PROVEN = "soaked, `minimum_devices` decided, proved safe (wave 0: or no harm suspected)"
    ALL_PROVEN = "proved safe after the last wave, at least `monitor_s` after it opened"
    UNPROVEN_IN_BUDGET = (
        "not so `patience_s` after its soak; `exposure_budget` left, no harm suspected"
    )
    UNPROVEN = "not so `patience_s` after its soak; no `exposure_budget` left, or harm suspected"


class Transition(NamedTuple):
    """One row of the table.

    Attributes:
        sources: Where a stratum must stand.
        cause: What the gate sees there, or what a person orders.
        kind: The decision.
        target: Where it leads.
        together: One decision moves all strata at once when each that could go may go.
    """

    sources: frozenset[S]
    cause: Guard | C
    kind: K
    target: S
    together: bool = False


_STARTED: Final = ACTIVE | {S.COMPLETED, S.ABORTED, S.SUPERSEDED}
_OPEN: Final = frozenset({S.OPEN})
_PROPOSED: Final = frozenset({S.PROPOSED})
_VERIFIED: Final = frozenset({S.VERIFIED})
_APPROVED: Final = frozenset({S.APPROVED})
_SHADOW: Final = frozenset({S.SHADOW})
_BACK: Final = frozenset({S.ROLLING_BACK})

TABLE: Final = (
    # What a person orders goes before what the gate sees.
    Transition(BEFORE_OPENING, C.REJECT, K.REJECTED, S.REJECTED),
    Transition(_APPROVED | _SHADOW | _OPEN, C.PAUSE, K.PAUSED, S.PAUSED),
    Transition(WAITING, C.RESUME, K.RESUMED, S.OPEN),
    Transition(_OPEN, C.EXTEND, K.WAVE_EXTENDED, S.OPEN),
    Transition(BEFORE_OPENING | ACTIVE, C.ABORT, K.ABORTED, S.ABORTED),
    Transition(_STARTED, C.ROLLBACK, K.ROLLBACK_ORDERED, S.ROLLING_BACK),
    Transition(BEFORE_OPENING, C.ROLLBACK, K.ABORTED, S.ABORTED),
    Transition(_STARTED, C.KILL, K.ROLLBACK_ORDERED, S.ROLLING_BACK),
    Transition(BEFORE_OPENING | ACTIVE, C.KILL, K.ABORTED, S.ABORTED),
    # The most urgent first.
    Transition(_PROPOSED, Guard.FAULTY, K.REJECTED, S.REJECTED, together=True),
    Transition(_PROPOSED, Guard.FAULTLESS, K.VERIFIED, S.VERIFIED, together=True),
    Transition(BEFORE_OPENING, Guard.OVERTAKEN, K.SUPERSEDED, S.SUPERSEDED, together=True),
    Transition(_VERIFIED, Guard.SIGNED, K.APPROVED, S.APPROVED, together=True),
    Transition(ACTIVE, Guard.HARM, K.ROLLBACK_ORDERED, S.ROLLING_BACK),
    Transition(_OPEN, Guard.HARM_WITHOUT_PARENT, K.HELD, S.HELD),
    Transition(_OPEN, Guard.CRITICAL, K.HELD, S.HELD),
    Transition(_OPEN, Guard.MISMATCH, K.HELD, S.HELD),
    Transition(_OPEN, Guard.BLIND, K.HELD, S.HELD),
    Transition(_APPROVED | _OPEN, Guard.HARM_ELSEWHERE, K.HELD, S.HELD),
    Transition(_BACK, Guard.ALL_BACK, K.ROLLBACK_DONE, S.ROLLED_BACK),
    Transition(_BACK, Guard.OVERDUE, K.ROLLBACK_STALLED, S.ROLLING_BACK),
    Transition(ACTIVE, Guard.OUTRANKED, K.SUPERSEDED, S.SUPERSEDED),
    Transition(_SHADOW, Guard.SHADOW_SLOW, K.REJECTED, S.REJECTED),
    Transition(_SHADOW, Guard.SHADOW_DIFFERS, K.HELD, S.HELD),
    Transition(_SHADOW, Guard.SHADOW_PASSED, K.WAVE_OPENED, S.OPEN),
    Transition(_SHADOW, Guard.SHADOW_UNCLEAR, K.HELD, S.HELD),
    Transition(_APPROVED, Guard.UNSHADOWED, K.SHADOW_OPENED, S.SHADOW, together=True),
    Transition(_APPROVED, Guard.FREE, K.WAVE_OPENED, S.OPEN, together=True),
    Transition(_OPEN, Guard.PROVEN, K.WAVE_OPENED, S.OPEN),
    Transition(_OPEN, Guard.ALL_PROVEN, K.COMPLETED, S.COMPLETED),
    Transition(_OPEN, Guard.UNPROVEN_IN_BUDGET, K.WAVE_EXTENDED, S.OPEN),
    Transition(_OPEN, Guard.UNPROVEN, K.HELD, S.HELD),
)
"""PROPOSED makes a release. One that was never opened resumes as APPROVED, or as SHADOW when it was
paused there."""

NEXT: Final[Mapping[tuple[K, S], S]] = {
    (row.kind, source): row.target for row in TABLE for source in row.sources
}
"""Where a decision leads from a status; what is not here is void."""
