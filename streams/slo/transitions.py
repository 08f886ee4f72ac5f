"""What an alert has to say when its state changes: counts, quantiles, suspects, budget left."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from schemas import histograms
from schemas.durations import SECOND_US
from schemas.records import (
    AlertBudget,
    AlertExemplar,
    AlertLatency,
    AlertState,
    AlertTier,
    LatencyHistogram,
    Severity,
    Suspect,
)
from streams.slo.objectives import Slo
from streams.slo.windows import Sum

MAX_EXEMPLARS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A change of state of one (key, severity). Times in UTC microseconds.

    Attributes:
        at_us: Event time of the decision: the end of the bucket that decided.
        starts_us: Event time at which the episode began.
        ends_us: Event time at which the condition ended; None unless it is resolved.
        ingest_us: Ingest time of the decision.
        late_events: Events of the SLO that came after their window had been judged.
        flap_count: Resolutions within the hour before the episode; flapping: they were too many.
        partial: A window reaches back before the counts that the log still held.
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
    flapping: bool = False
    flap_count: int = 0
    partial: bool = False


def budget(slo: Slo, spent: Sum, burn: Fraction) -> AlertBudget:
    """Budget left: 1 - bad / (budget * total); at the burn given it lasts left * period / burn."""
    left = Fraction(1)
    if spent.total:
        left -= Fraction(spent.bad, spent.total) / slo.budget
    lasts = max(left, Fraction(0)) * slo.period_us / (burn * SECOND_US) if burn else None
    return AlertBudget(remaining=float(left), exhaustion_s=None if lasts is None else float(lasts))


def latency(slo: Slo, found: LatencyHistogram) -> AlertLatency | None:
    """Quantiles of a window, None when it is empty."""
    if histograms.count(found) == 0:
        return None
    p50, p95, p99 = (
        histograms.quantile(found, share, slo.threshold_us) / 1_000 for share in (0.5, 0.95, 0.99)
    )
    return AlertLatency(p50_ms=p50, p95_ms=p95, p99_ms=p99, max_ms=found.max_us / 1_000)
