"""Alerts, silences and notifications as the alert commands show them."""

from typing import Any

from consumers.oncall.outbox import Delivery
from infra.cli.alert_desk import Desk
from schemas import moments
from schemas.alert_controls import holds, matches, spell
from schemas.records import Alert, AlertControl, AlertTier


def alert_row(alert: Alert) -> dict[str, Any]:
    """One alert as `list` and `watch` show it."""
    return {
        "alertname": alert.alertname,
        "severity": alert.severity.value,
        "state": alert.state.value,
        "release_id": alert.labels.get("release_id"),
        "hardware": alert.labels.get("hardware"),
        "region": alert.labels.get("region"),
        "starts_at": moments.spell(alert.starts_at),
        "resolved_at": None if alert.resolved_at is None else moments.spell(alert.resolved_at),
        "reason": alert.reason,
        "fingerprint": alert.fingerprint,
        "alert_id": alert.alert_id,
    }


def desk_row(alert: Alert, desk: Desk, at_us: int) -> dict[str, Any]:
    """The same, with what keeps it from being told."""
    taken = desk.holding.acknowledged(alert, at_us)
    held = desk.holding.why(alert, at_us) if alert.resolved_at is None else ()
    return alert_row(alert) | {
        "held_back": "; ".join(held) or None,
        "acked_by": None if taken is None else taken.by,
    }


def details(alert: Alert) -> list[tuple[str, Any]]:
    """One alert in full."""
    rows = [*alert_row(alert).items(), *sorted(alert.annotations.items())]
    rows += [(f"label {name}", value) for name, value in sorted(alert.labels.items())]
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


def delivery_row(delivery: Delivery) -> tuple[str, str]:
    """What one receiver was told, and what it answered."""
    tries = "" if delivery.attempts < 2 else f", {delivery.attempts} attempts"
    error = "" if delivery.error is None else f": {delivery.error}"
    told = f"{moments.spell(delivery.sent_us)} {delivery.status}, {delivery.reason}"
    return f"told {delivery.receiver}", f"{told}, {delivery.outcome}{tries}{error}"


def silence_row(control: AlertControl, desk: Desk, at_us: int) -> dict[str, Any]:
    """One silence as `silence list` shows it."""
    if holds(control, at_us):
        state = "active"
    else:
        state = "pending" if at_us < control.start_ts < (control.end_ts or at_us) else "expired"
    return {
        "id": control.control_id,
        "state": state,
        "matchers": spell(control.matchers),
        "start": moments.spell(control.start_ts),
        "end": None if control.end_ts is None else moments.spell(control.end_ts),
        "by": control.by,
        "comment": control.comment,
        "open_alerts": sum(matches(control.matchers, step.alert.labels) for step in desk.open()),
    }


def _tier(tier: AlertTier) -> str:
    return (
        f"{tier.burn_long:.2f} ({tier.bad_long} of {tier.n_long}) / "
        f"{tier.burn_short:.2f} ({tier.bad_short} of {tier.n_short}), "
        f"factor {tier.factor:.2f}{', active' if tier.active else ''}"
    )
