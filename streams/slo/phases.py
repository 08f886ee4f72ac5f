"""The life of an alert of one key and severity: pending, firing, held, stale, resolved."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from schemas.durations import UNITS_US
from schemas.records import AlertState, Severity
from streams.slo.objectives import Slo

FLAPS: Final = 3
FLAP_WITHIN_US: Final = UNITS_US["h"]
CALM_US: Final = 30 * UNITS_US["m"]
NEVER: Final = 2**62

BURNING: Final = "burn_rate_above_factor"
RECOVERED: Final = "burn_rate_below_factor"
NOT_FOR_LONG: Final = "burn_rate_fell_while_pending"
EMPTY: Final = "no_recent_data"
SILENT: Final = "no_data"
WITHDRAWN: Final = "release_withdrawn"
MUTED: Final = "page_is_firing"
UNMUTED: Final = "page_ended"
UNWATCHED: Final = "no_longer_watched"


class Stage(StrEnum):
    """Where an episode stands; HELD: false again, but not for long enough."""

    PENDING = "PENDING"
    FIRING = "FIRING"
    HELD = "HELD"
    STALE = "STALE"
    NO_DATA = "NO_DATA"


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient a severity is. Lengths in buckets.

    Attributes:
        wait: How long it must be true before it fires.
        keep: How long it must be false before it is resolved.
        no_data_after: How long a firing key may be without data before it is NO_DATA.
        calm: Instead of `keep`, by tier of the SLO, how long a flapping one must be false.
        flap_within: A firing after FLAPS resolutions within so many buckets is flapping.
    """

    wait: int
    keep: int
    no_data_after: int
    calm: tuple[int, ...]
    flap_within: int


def policy(slo: Slo, severity: Severity) -> Policy:
    """The policy of an SLO file; parts of a bucket count as a whole one."""

    def buckets(length_us: int) -> int:
        return -(-length_us // slo.bucket_us)

    return Policy(
        wait=buckets(slo.for_us.get(severity, 0)),
        keep=buckets(slo.keep_firing_us.get(severity, 0)),
        no_data_after=buckets(slo.no_data_after_us),
        calm=tuple(buckets(max(CALM_US, 2 * tier.short_us)) for tier in slo.tiers),
        flap_within=buckets(FLAP_WITHIN_US),
    )


@dataclass(slots=True)
class Episode:
    """One alert from the moment its condition became true. Ticks are ends of buckets.

    Attributes:
        since: Tick at which the condition became true.
        tiers: Bit i: tier i of the SLO was true in it.
        flaps: Resolutions within the hour before it fired.
        false_since: Tick from which on the condition was seen to be false.
        empty_since: Tick from which on there was no data to see anything by.
        told: The state that was last handed on; None: nothing yet.
    """

    since: int
    stage: Stage = Stage.PENDING
    tiers: int = 0
    flaps: int = 0
    false_since: int | None = None
    empty_since: int | None = None
    told: AlertState | None = None

    @property
    def flapping(self) -> bool:
        """It resolved so often lately that it is told once and then kept until it is calm."""
        return self.flaps >= FLAPS

    @property
    def fired(self) -> bool:
        """It has fired, and mutes what is less severe."""
        return self.stage is not Stage.PENDING

    def burn(self, tick: int, tiers: int, rules: Policy) -> None:
        """The condition is true now."""
        self.tiers |= tiers
        self.false_since = self.empty_since = None
        if self.fired or tick - self.since >= rules.wait:
            self.stage = Stage.FIRING

    def cool(self, tick: int, rules: Policy) -> bool:
        """The condition is seen to be false now; whether the episode is over."""
        self.empty_since = None
        if not self.fired:
            return True
        if self.false_since is None:
            self.false_since = tick
        self.stage = Stage.HELD
        return tick - self.false_since >= self._keep(rules)

    def starve(self, tick: int, rules: Policy) -> bool:
        """The condition is false for want of data; whether the episode is over: if pending."""
        if not self.fired:
            return True
        if self.empty_since is None:
            self.empty_since = tick
        silent = tick - self.empty_since >= rules.no_data_after
        self.stage = Stage.NO_DATA if silent else Stage.STALE
        return False

    def due(self, rules: Policy) -> int:
        """Tick at which time alone changes it; NEVER: only other counts do."""
        if self.stage is Stage.PENDING:
            return self.since + rules.wait
        if self.stage is Stage.HELD and self.false_since is not None:
            return self.false_since + self._keep(rules)
        if self.stage is Stage.STALE and self.empty_since is not None:
            return self.empty_since + rules.no_data_after
        return NEVER

    def visible(self, *, muted: bool) -> AlertState:
        """What there is to tell; `muted`: something more severe of the same key fires.

        What is held looks as before: it neither comes back from being suppressed, nor from being
        without data, before its condition is true again or it is resolved.
        """
        if muted and self.fired:
            return AlertState.SUPPRESSED
        silent = self.stage is Stage.STALE and self.told is AlertState.NO_DATA
        if self.told is not None and (silent or self.stage is Stage.HELD):
            return self.told
        if self.stage is Stage.HELD:
            return AlertState.FIRING
        return AlertState(self.stage.value)

    def _keep(self, rules: Policy) -> int:
        if not self.flapping:
            return rules.keep
        seen = (calm for bit, calm in enumerate(rules.calm) if self.tiers >> bit & 1)
        return max(rules.keep, *seen)


def reason(before: AlertState | None, now: AlertState) -> str:
    """Why an episode that is not over is told anew."""
    if now is AlertState.FIRING and before is AlertState.SUPPRESSED:
        return UNMUTED
    return {
        AlertState.STALE: EMPTY,
        AlertState.NO_DATA: SILENT,
        AlertState.SUPPRESSED: MUTED,
    }.get(now, BURNING)
