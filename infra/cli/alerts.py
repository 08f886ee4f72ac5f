"""`fleetloop alerts`: what fires, what fired, and why."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from infra.cli.log import read_whole
from infra.cli.output import Exit, Format, FormatOption, fail, show
from infra.settings import Settings
from schemas.alert_log import AlertBook, Verdict
from schemas.records import Alert, AlertState, AlertTier
from schemas.topics import ALERTS

app = typer.Typer(no_args_is_help=True, help="Look at alerts.")


@app.command("list")
def list_(
    output: FormatOption = Format.TABLE,
    *,
    firing: Annotated[bool, typer.Option("--firing", help="only what fires now")] = False,
) -> None:
    """Every episode and its state, the oldest first."""
    episodes = {alert.alert_id: alert for alert in _valid_steps()}
    rows = sorted(episodes.values(), key=lambda alert: (alert.starts_at, alert.fingerprint))
    show([_row(alert) for alert in rows if not firing or alert.state is AlertState.FIRING], output)


@app.command()
def get(
    identity: Annotated[str, typer.Argument(help="alert id, or fingerprint for its last episode")],
    output: FormatOption = Format.TABLE,
) -> None:
    """One alert in full. Burn by window, latency, suspects, exemplars, budget left."""
    found = [alert for alert in _valid_steps() if identity in (alert.alert_id, alert.fingerprint)]
    if not found:
        fail(f"no alert {identity}; see: fleetloop alerts list", Exit.CONDITION_NOT_MET)
    show([{"what": name, "value": value} for name, value in _details(found[-1])], output)


def _valid_steps() -> list[Alert]:
    book = AlertBook()
    records = (fact.record for fact in read_whole(Settings(), ALERTS))
    return [record for record in records if book.observe(record) is Verdict.VALID]


def _row(alert: Alert) -> dict[str, Any]:
    return {
        "alertname": alert.alertname,
        "severity": alert.severity.value,
        "state": alert.state.value,
        "release_id": alert.labels.get("release_id"),
        "hardware": alert.labels.get("hardware"),
        "starts_at": _time(alert.starts_at),
        "resolved_at": None if alert.resolved_at is None else _time(alert.resolved_at),
        "reason": alert.reason,
        "fingerprint": alert.fingerprint,
        "alert_id": alert.alert_id,
    }


def _details(alert: Alert) -> list[tuple[str, Any]]:
    rows = [*_row(alert).items(), *sorted(alert.annotations.items())]
    rows += [(f"burn {tier.long_s} s / {tier.short_s} s", _tier(tier)) for tier in alert.tiers]
    if alert.budget is not None:
        rows.append(("error budget left", f"{alert.budget.remaining:.1%}"))
        if alert.budget.exhaustion_s is not None:
            rows.append(("exhausted in", f"{alert.budget.exhaustion_s:.0f} s"))
    if alert.latency is not None:
        at = alert.latency
        told = f"p50 {at.p50_ms:.1f}, p95 {at.p95_ms:.1f}, p99 {at.p99_ms:.1f}, max {at.max_ms:.1f}"
        rows.append(("latency in ms", told))
    rows += [
        (f"suspect {one.label}", f"{one.value}: lift {one.lift:.1f}, {one.bad} of {one.total} bad")
        for one in alert.suspects
    ]
    rows += [
        ("exemplar", f"{one.latency_us / 1_000:.1f} ms on {one.device_id}, event {one.event_id}")
        for one in alert.exemplars
    ]
    rows.append(("detection delay", f"{alert.detection_delay_ms / 1_000:.1f} s"))
    return rows


def _tier(tier: AlertTier) -> str:
    return (
        f"{tier.burn_long:.2f} ({tier.bad_long} of {tier.n_long}) / "
        f"{tier.burn_short:.2f} ({tier.bad_short} of {tier.n_short}), "
        f"factor {tier.factor:.2f}{', active' if tier.active else ''}"
    )


def _time(time_us: int) -> str:
    return datetime.fromtimestamp(time_us / 1_000_000, UTC).isoformat(timespec="milliseconds")
