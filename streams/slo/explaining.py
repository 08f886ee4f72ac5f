"""Why the alerts of a key are as they are, and what would change them: a read of its counts."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import floor

from schemas.records import AlertBudget, AlertState, Severity
from streams.slo.conditions import Conditions
from streams.slo.ledger import Ledger
from streams.slo.objectives import Mode, Slo, Tier
from streams.slo.phases import Episode
from streams.slo.transitions import budget
from streams.slo.windows import Sum


class UnknownKeyError(LookupError):
    """A key of which no event was counted; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowReading:
    """One window of one key.

    Attributes:
        burn: How many times faster than evenly it spends the budget.
        threshold: Bad events it may have; more, and it burns faster than the factor.
    """

    length_us: int
    total: int
    bad: int
    burn: Fraction
    threshold: Fraction

    @property
    def exceeded(self) -> bool:
        """Whether it burns faster than the tier's factor."""
        return self.bad > self.threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class TierReading:
    """One tier of one key.

    Attributes:
        more_bad: Bad events that would make it true if they came now; 0: it is; None: no number.
        clears_us: When it would be false if no further bad event came and traffic went on as in
            its short window, event time; None: it is false.
    """

    tier: Tier
    long: WindowReading
    short: WindowReading
    active: bool
    more_bad: int | None
    clears_us: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertReading:
    """An open alert of one key; times are event time in UTC microseconds."""

    severity: Severity
    state: AlertState
    since_us: int
    false_since_us: int | None
    empty_since_us: int | None
    flapping: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What `fleetloop slo explain` prints. `at_us`: everything before it was judged."""

    slo: Slo
    labels: Mapping[str, str]
    at_us: int
    tiers: tuple[TierReading, ...]
    alerts: tuple[AlertReading, ...]
    budget: AlertBudget
    late_events: int


def explain(
    slo: Slo,
    ledger: Ledger,
    conditions: Conditions,
    labels: Mapping[str, str],
    episode_of: Callable[[Mapping[str, str], Severity], Episode | None],
) -> Explanation:
    """Read one key.

    Raises:
        UnknownKeyError: No event of the key was counted.
    """
    row = ledger.keys.find(labels)
    if row is None:
        known = ", ".join(sorted(_spell(one) for _, one in ledger.keys)[:5]) or "none"
        raise UnknownKeyError(
            f"SLO {slo.name} has counted no event of {_spell(labels)}; keys it knows: {known}"
        )
    key = _Key(slo, ledger, conditions, row)
    tiers = tuple(key.tier(tier) for tier in slo.tiers)
    return Explanation(
        slo=slo,
        labels=ledger.keys.labels(row),
        at_us=key.tick * slo.bucket_us,
        tiers=tiers,
        alerts=tuple(_alerts(slo, ledger.keys.labels(row), episode_of)),
        budget=budget(slo, ledger.windows.spent(row), max(one.long.burn for one in tiers)),
        late_events=ledger.late_events,
    )


class _Key:
    def __init__(self, slo: Slo, ledger: Ledger, conditions: Conditions, row: int) -> None:
        self._slo = slo
        self._windows = ledger.windows
        self._conditions = conditions
        self._row = row
        self._since = int(ledger.since[row])
        self.tick = ledger.windows.tick or 0

    def tier(self, tier: Tier) -> TierReading:
        long, short = self._window(tier, tier.long_us), self._window(tier, tier.short_us)
        active = self._conditions.holds(tier, self._row, self._since)
        return TierReading(
            tier=tier,
            long=long,
            short=short,
            active=active,
            more_bad=0 if active else self._more_bad(tier, long, short),
            clears_us=self._clears(tier, long, short) if active else None,
        )

    def _window(self, tier: Tier, length_us: int) -> WindowReading:
        held = self._windows.sum(length_us, self._row)
        place = (tier, length_us, self._row, self._since)
        return WindowReading(
            length_us=length_us,
            total=held.total,
            bad=held.bad,
            burn=self._conditions.burn(*place),
            threshold=self._conditions.threshold(*place),
        )

    def _more_bad(self, tier: Tier, long: WindowReading, short: WindowReading) -> int | None:
        """Each further bad event raises the threshold by a share of itself, below 1 or never."""
        wanted = [self._slo.min_bad - long.bad, self._slo.min_events - long.total, 0]
        for window in (long, short):
            share = self._share(tier, window.length_us)
            if share >= 1:
                return None
            wanted.append(floor((window.threshold - window.bad) / (1 - share)) + 1)
        return max(wanted)

    def _share(self, tier: Tier, length_us: int) -> Fraction:
        if self._slo.mode is Mode.RATIO:
            return tier.limit
        return tier.limit * self._conditions.share_expected(tier, length_us, self._since)

    def _clears(self, tier: Tier, long: WindowReading, short: WindowReading) -> int:
        rate = Fraction(short.total * self._slo.bucket_us, short.length_us)
        falls = [
            self._falls(tier, window, least, rate)
            for window, least in ((long, self._slo.min_bad), (short, 0))
        ]
        return (self.tick + min(falls)) * self._slo.bucket_us

    def _falls(self, tier: Tier, window: WindowReading, least: int, rate: Fraction) -> int:
        """Ticks until a window alone makes the tier false, with `rate` good events a tick."""
        leaving = self._windows.history(window.length_us, self._row)
        total, bad = window.total, window.bad
        ahead = 0
        while leaving or ahead == 0:
            ahead += 1
            while leaving and leaving[0][0] <= self.tick + ahead:
                gone: Sum = leaving.pop(0)[1]
                total, bad = total - gone.total, bad - gone.bad
            allowed = window.threshold
            if self._slo.mode is Mode.RATIO:
                allowed = tier.limit * (total + ahead * rate)
            if bad <= allowed or bad < least:
                break
        return ahead


def _alerts(
    slo: Slo,
    labels: Mapping[str, str],
    episode_of: Callable[[Mapping[str, str], Severity], Episode | None],
) -> Iterator[AlertReading]:
    def time(tick: int | None) -> int | None:
        return None if tick is None else tick * slo.bucket_us

    for severity in slo.severities:
        episode = episode_of(labels, severity)
        if episode is not None and episode.told is not None:
            yield AlertReading(
                severity=severity,
                state=episode.told,
                since_us=episode.since * slo.bucket_us,
                false_since_us=time(episode.false_since),
                empty_since_us=time(episode.empty_since),
                flapping=episode.flapping,
            )


def _spell(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(labels.items()))
