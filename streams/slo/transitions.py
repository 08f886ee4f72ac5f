"""What an alert has to say when its state changes: counts, quantiles, suspects, budget left."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from schemas import histograms
from schemas.records import (
    AlertBudget,
    AlertExemplar,
    AlertLatency,
    AlertState,
    AlertTier,
    Severity,
    Suspect,
)
from streams.slo.durations import SECOND_US
from streams.slo.judging import slowest
from streams.slo.objectives import Slo, Tier
from streams.slo.series import Series
from streams.slo.windows import Sum

MAX_EXEMPLARS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A change of state of one (key, severity). Times in UTC microseconds.

    Attributes:
        at_us: Event time of the decision: the end of the bucket that decided.
        starts_us: Event time at which the episode began.
        ends_us: Event time at which the condition ended; None while it fires.
        ingest_us: Ingest time of the decision.
        late_events: Events of the SLO that came after their window had been judged.
    """

    labels: Mapping[str, str]
    severity: Severity
    state: AlertState
    reason: str
    at_us: int
    starts_us: int
    ends_us: int | None
    ingest_us: int
    tiers: tuple[AlertTier, ...]
    budget: AlertBudget
    latency: AlertLatency | None
    suspects: tuple[Suspect, ...]
    exemplars: tuple[AlertExemplar, ...]
    late_events: int


def active(slo: Slo, tier: Tier, series: Series) -> bool:
    """Whether both windows burn faster than the tier's factor, and enough events were bad."""
    long = series.windows.sum(tier.long_us // slo.bucket_us)
    short = series.windows.sum(tier.short_us // slo.bucket_us)
    return (
        long.bad >= slo.min_bad
        and tier.exceeded(short.bad, short.total)
        and tier.exceeded(long.bad, long.total)
    )


def readings(slo: Slo, severity: Severity, series: Series) -> tuple[AlertTier, ...]:
    """The tiers of a severity as they stand."""
    return tuple(_reading(slo, tier, series) for tier in slo.tiers_of(severity))


def budget(slo: Slo, series: Series, tiers: Sequence[AlertTier]) -> AlertBudget:
    """Budget left: 1 - bad / (budget * total); time to its end at the fastest long burn."""
    spent = series.budget()
    left = Fraction(1)
    if spent.total:
        left -= Fraction(spent.bad, spent.total) / slo.budget
    burn = max((tier.burn_long for tier in tiers), default=0.0)
    remaining = float(left)
    exhaustion = max(remaining, 0.0) * slo.period_us / SECOND_US / burn if burn > 0 else None
    return AlertBudget(remaining=remaining, exhaustion_s=exhaustion)


def latency(slo: Slo, series: Series, tick: int) -> AlertLatency | None:
    """Quantiles of the shortest window, None when it is empty."""
    merged = histograms.merge(series.evidence(tick)[0])
    if histograms.count(merged) == 0:
        return None
    p50, p95, p99 = (
        histograms.quantile(merged, share, slo.threshold_us) / 1_000 for share in (0.5, 0.95, 0.99)
    )
    return AlertLatency(p50_ms=p50, p95_ms=p95, p99_ms=p99, max_ms=merged.max_us / 1_000)


def exemplars(series: Series, tick: int) -> tuple[AlertExemplar, ...]:
    """The slowest inferences of the shortest window."""
    return slowest(series.evidence(tick)[1], MAX_EXEMPLARS)


def suspects(
    slo: Slo, severity: Severity, series: Series, everyone: Iterable[Series]
) -> tuple[Suspect, ...]:
    """Label values of the key that carry more than their share of the bad events, worst first.

    Lift = bad share of all keys with the value over bad share of those without it, in the first
    tier's long window. Where the others have no bad event, half a one is put in their place.
    """
    length = slo.tiers_of(severity)[0].long_us // slo.bucket_us
    counted = [(other.labels, other.windows.sum(length)) for other in everyone]
    found = []
    for label, value in series.labels.items():
        inside = _total(held for labels, held in counted if labels[label] == value)
        outside = _total(held for labels, held in counted if labels[label] != value)
        lift = _lift(inside, outside)
        if lift > 1:
            found.append(
                Suspect(label=label, value=value, lift=lift, bad=inside.bad, total=inside.total)
            )
    return tuple(sorted(found, key=lambda suspect: (-suspect.lift, suspect.label)))


def _lift(inside: Sum, outside: Sum) -> float:
    if inside.total == 0 or outside.total == 0:
        return 1.0
    return (inside.bad / inside.total) / ((outside.bad or 0.5) / outside.total)


def _total(sums: Iterable[Sum]) -> Sum:
    total = Sum()
    for held in sums:
        total.total += held.total
        total.bad += held.bad
    return total


def _reading(slo: Slo, tier: Tier, series: Series) -> AlertTier:
    long = series.windows.sum(tier.long_us // slo.bucket_us)
    short = series.windows.sum(tier.short_us // slo.bucket_us)
    return AlertTier(
        long_s=tier.long_us // SECOND_US,
        short_s=tier.short_us // SECOND_US,
        factor=float(tier.factor),
        burn_long=_burn(slo, long),
        burn_short=_burn(slo, short),
        n_long=long.total,
        bad_long=long.bad,
        n_short=short.total,
        bad_short=short.bad,
        active=active(slo, tier, series),
    )


def _burn(slo: Slo, window: Sum) -> float:
    return float(Fraction(window.bad, window.total) / slo.budget) if window.total else 0.0
