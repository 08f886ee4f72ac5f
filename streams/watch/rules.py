"""Which alert follows from which counts: one row for each alert of the watch."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from schemas.records import AlertKind, Severity
from streams.watch import cells, quality
from streams.watch.quality import MINUTE_US
from streams.watch.watch_file import WatchPolicy

FLEET_SILENT: Final = "FleetSilent"
PIPELINE_STALLED: Final = "PipelineStalled"
CANARY_MISSING: Final = "CanaryMissing"
CONSUMER_LAG_HIGH: Final = "ConsumerLagHigh"
CLOCK_SKEW: Final = "ClockSkew"
SLI_INCONSISTENT: Final = "SLIInconsistent"
WATCHDOG: Final = "Watchdog"
PROBE_US: Final = 10_000_000
"""How often consumer groups are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When counts of a signal are an alert.

    Attributes:
        exceeded: Whether so many bad of so many are too many.
        for_us: How long, to fire and to end.
        gap_us: After a longer time without counts, what was about to fire begins anew.
        absent_ends: A key without counts is gone; otherwise nothing is known of it.
    """

    alertname: str
    kind: AlertKind
    severity: Severity
    signal: str
    exceeded: Callable[[int, int], bool]
    for_us: int
    gap_us: int
    absent_ends: bool = False


def rules(policy: WatchPolicy) -> tuple[Rule, ...]:
    """The rows."""
    fleet = [
        Rule(
            alertname=FLEET_SILENT,
            kind=AlertKind.ABSENCE,
            severity=severity,
            signal=cells.SILENCE,
            exceeded=excess.exceeded,
            for_us=excess.for_us,
            gap_us=6 * policy.tick,
        )
        for severity, excess in (
            (Severity.PAGE, policy.fleet.page),
            (Severity.TICKET, policy.fleet.ticket),
        )
    ]
    numbers = [
        Rule(
            alertname=alertname,
            kind=AlertKind.PIPELINE,
            severity=Severity.TICKET,
            signal=signal,
            exceeded=excess.exceeded,
            for_us=excess.for_us,
            gap_us=3 * MINUTE_US,
        )
        for alertname, signal, excess in (
            (CLOCK_SKEW, quality.CLOCK, policy.clock_skew),
            (SLI_INCONSISTENT, quality.COUNTS, policy.inconsistent),
        )
    ]
    lag = Rule(
        alertname=CONSUMER_LAG_HIGH,
        kind=AlertKind.PIPELINE,
        severity=Severity.TICKET,
        signal=cells.LAG,
        exceeded=lambda bad, _: bad > 0,
        for_us=policy.consumer_lag.for_us,
        gap_us=6 * PROBE_US,
        absent_ends=True,
    )
    return (*fleet, *numbers, lag)
