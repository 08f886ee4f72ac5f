"""What an SLO promises and when it pages: the meaning of an SLO file, in exact numbers."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import Final

from schemas.records import Severity

MAX_KEYS: Final = 1_000
NO_DATA_AFTER_US: Final = 300_000_000
_SAID_NOT_DECIDED: Final = ("service", "owner", "runbook_url")


class Mode(StrEnum):
    """What a window's bad events are compared with.

    RATIO: the events of the window. CONSUMPTION: the events that the period is expected to have,
    so that a quiet hour's few bad events weigh no more than in a busy one.
    """

    RATIO = "ratio"
    CONSUMPTION = "consumption"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Slo:
    """One objective and its alerting. Durations in microseconds.

    Attributes:
        threshold_us: Reporting windows with this deadline are judged: late is later than it.
        objective: Share of good events promised, in (0, 1).
        group_by: Fields of inference-events that make a key.
        bucket_us: Event time is cut into buckets (n * bucket, (n + 1) * bucket].
        lateness_us: How far event times of one partition may be out of order.
        min_bad, min_events: Bad events, and events, that the long window must hold.
        keep_firing_us: By severity, how long a condition must be false before it is resolved.
        for_us: By severity, how long a condition must be true before it fires.
        mode: What bad events are compared with.
        expected_events: Events that a key is expected to have in the period, for CONSUMPTION; None:
            as many as it had so far.
        no_data_after_us: How long a firing key may be without data before that is what is told.
        max_keys: Keys that are told apart; further ones are counted together.
        owner: Whom the alerts are for. shadow: They are recorded and sent to nobody.
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
    keep_firing_us: Mapping[Severity, int]
    runbook_url: str
    min_events: int = 0
    for_us: Mapping[Severity, int] = field(default_factory=lambda: dict.fromkeys(Severity, 0))
    mode: Mode = Mode.RATIO
    expected_events: int | None = None
    no_data_after_us: int = NO_DATA_AFTER_US
    max_keys: int = MAX_KEYS
    owner: str = ""
    shadow: bool = False

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
    names = ("name", "threshold_us", "group_by", "bucket_us", "lateness_us", "max_keys")
    return _digest([[getattr(slo, name) for name in names] for slo in slos])


def alerting_digest(slos: Sequence[Slo]) -> str:
    """Digest of what stage two decides by: an owner or a runbook may change without a replay."""
    told = [asdict(slo) for slo in slos]
    return _digest(
        [{name: one[name] for name in one if name not in _SAID_NOT_DECIDED} for one in told]
    )


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
