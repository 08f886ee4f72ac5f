"""What an SLO promises and when it pages: the meaning of an SLO file, in exact numbers."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction

from schemas.records import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """One multi-window burn-rate condition.

    Attributes:
        long_us, short_us: Lengths of the two windows, multiples of the SLO's bucket.
        factor: Burn rate above which both windows must be: budget_share * period / long.
        limit: factor * (1 - objective): the same as a share of bad events, below 1.
    """

    severity: Severity
    long_us: int
    short_us: int
    factor: Fraction
    limit: Fraction

    def exceeded(self, bad: int, total: int) -> bool:
        """Whether bad/total is above the limit, compared in whole numbers."""
        return bad * self.limit.denominator > self.limit.numerator * total


@dataclass(frozen=True, slots=True, kw_only=True)
class Slo:
    """One objective and its alerting. Durations in microseconds.

    Attributes:
        threshold_us: Reporting windows with this deadline are judged: late is later than it.
        objective: Share of good events promised, in (0, 1).
        group_by: Fields of inference-events that make a key.
        bucket_us: Event time is cut into buckets (n * bucket, (n + 1) * bucket].
        lateness_us: How far event times of one partition may be out of order.
        min_bad: Bad events that the long window must hold.
        keep_firing_us: By severity, how long a condition must be false before it is resolved.
    """

    name: str
    service: str
    objective: Fraction
    threshold_us: int
    period_us: int
    group_by: tuple[str, ...]
    min_bad: int
    bucket_us: int
    lateness_us: int
    tiers: tuple[Tier, ...]
    keep_firing_us: dict[Severity, int]
    runbook_url: str

    @property
    def budget(self) -> Fraction:
        """Share of events that may be bad."""
        return 1 - self.objective

    @property
    def severities(self) -> tuple[Severity, ...]:
        """Severities it alerts with, in order of the file."""
        return tuple(dict.fromkeys(tier.severity for tier in self.tiers))

    def tiers_of(self, severity: Severity) -> tuple[Tier, ...]:
        """Tiers of one severity, in order of the file."""
        return tuple(tier for tier in self.tiers if tier.severity is severity)


def counting_digest(slos: Sequence[Slo]) -> str:
    """Digest of what stage one counts by: other tiers over the same buckets count alike."""
    return _digest(
        [[slo.name, slo.threshold_us, slo.group_by, slo.bucket_us, slo.lateness_us] for slo in slos]
    )


def alerting_digest(slos: Sequence[Slo]) -> str:
    """Digest of all that stage two decides by."""
    return _digest([asdict(slo) for slo in slos])


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
