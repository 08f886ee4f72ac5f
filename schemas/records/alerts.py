"""Alerts and what operators do to them. Units and meanings: the docs in schemas/avro."""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.records.enums import AlertKind, AlertState, ControlKind, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSlo:
    """The objective an alert speaks of."""

    name: str
    objective: float
    window_s: int
    threshold_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertTier:
    """One multi-window burn-rate condition."""

    long_s: int
    short_s: int
    factor: float
    burn_long: float
    burn_short: float
    n_long: int
    bad_long: int
    n_short: int
    bad_short: int
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertBudget:
    """What is left of the error budget."""

    remaining: float
    exhaustion_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertLatency:
    """Latency quantiles of the short window."""

    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A label value that carries more than its share of the bad events."""

    label: str
    value: str
    lift: float
    bad: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertExemplar:
    """An inference that shows what the alert speaks of."""

    event_id: str
    device_id: str
    trace_id: str
    latency_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Matcher:
    """One condition on a label."""

    name: str
    op: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One step in the life of an alert. Topic: alerts."""

    event_id: str
    source: str
    alert_id: str
    fingerprint: str
    seq: int
    alertname: str
    kind: AlertKind
    severity: Severity
    state: AlertState
    reason: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    slo: AlertSlo | None = None
    tiers: tuple[AlertTier, ...]
    budget: AlertBudget | None = None
    latency: AlertLatency | None = None
    suspects: tuple[Suspect, ...]
    exemplars: tuple[AlertExemplar, ...]
    starts_at: int
    detected_at: int
    ends_at: int | None = None
    resolved_at: int | None = None
    watermark: int
    evaluated_at: int
    detection_delay_ms: int
    late_events: int
    flapping: bool
    flap_count: int
    inhibited_by: tuple[str, ...]
    silenced_by: tuple[str, ...]
    acked_by: str | None = None
    shadow: bool
    partial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertControl:
    """A silence or an acknowledgement. Topic: alert-controls."""

    event_id: str
    source: str
    control_id: str
    kind: ControlKind
    matchers: tuple[Matcher, ...]
    start_ts: int
    end_ts: int | None = None
    by: str
    comment: str
