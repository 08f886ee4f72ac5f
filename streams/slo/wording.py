"""An alert as on-call reads it: labels that identify it, words that say where and how bad."""

from collections.abc import Mapping
from typing import Final

from schemas import alert_log, durations
from schemas.durations import SECOND_US
from schemas.records import Alert, AlertBudget, AlertKind, AlertSlo, AlertState, Severity
from streams.slo.objectives import Slo
from streams.slo.transitions import Transition

ALERTNAME: Final = "LatencySLOBurn"
_SUMMARIES: Final = {
    AlertState.PENDING: "{where} burns against its promise of {promise}; not yet for long enough",
    AlertState.RESOLVED: "Resolved ({why}): {where} against {promise}",
    AlertState.STALE: "{where} broke its promise of {promise} and has sent nothing since",
    AlertState.NO_DATA: "{where} broke its promise of {promise} and has fallen silent",
    AlertState.SUPPRESSED: "{where} breaks its promise of {promise}; its page tells it",
}


def alert_labels(slo: Slo, key: Mapping[str, str], severity: Severity) -> dict[str, str]:
    """Identity of an alert: the tier that is true is no part of it."""
    return {"alertname": ALERTNAME, "slo": slo.name, "severity": severity.lower(), **key}


def alert(slo: Slo, found: Transition, identity: str, seq: int, last: Alert | None) -> Alert:
    """The record of a transition, as step `seq` of the alert `identity`.

    `last` is the step before it: unless that one is RESOLVED, this one goes on with its episode.
    """
    resolved = found.state is AlertState.RESOLVED
    before = last if last is not None and last.state is not AlertState.RESOLVED else None
    starts_at = before.starts_at if before else found.starts_us
    detected_at = before.detected_at if before else found.ingest_us
    return Alert(
        event_id=alert_log.event_id(identity, seq),
        source="live",
        alert_id=before.alert_id if before else alert_log.alert_id(identity, starts_at),
        fingerprint=identity,
        seq=seq,
        alertname=ALERTNAME,
        kind=AlertKind.BURN_RATE,
        severity=found.severity,
        state=found.state,
        reason=found.reason,
        labels=alert_labels(slo, found.labels, found.severity),
        annotations=_annotations(slo, found),
        slo=AlertSlo(
            name=slo.name,
            objective=float(slo.objective),
            window_s=slo.period_us // SECOND_US,
            threshold_us=slo.threshold_us,
        ),
        tiers=found.tiers,
        budget=found.budget,
        latency=found.latency,
        suspects=found.suspects,
        exemplars=found.exemplars,
        starts_at=starts_at,
        detected_at=detected_at,
        ends_at=found.ends_us,
        resolved_at=found.ingest_us if resolved else None,
        watermark=found.at_us,
        evaluated_at=found.ingest_us,
        detection_delay_ms=max(0, (detected_at - starts_at) // 1_000),
        late_events=found.late_events,
        flapping=found.flapping,
        flap_count=found.flap_count,
        inhibited_by=(),
        silenced_by=(),
        shadow=slo.shadow,
        partial=found.partial,
    )


def _annotations(slo: Slo, found: Transition) -> dict[str, str]:
    where = ", ".join(f"{name} {value}" for name, value in sorted(found.labels.items()))
    deadline = durations.spell(slo.threshold_us)
    promise = f"{float(slo.objective * 100):g} % of the frames within {deadline}"
    summary = _SUMMARIES.get(found.state, "{where} breaks its promise of {promise}").format(
        where=where, promise=promise, why=found.reason.replace("_", " ")
    )
    return {
        "summary": summary,
        "description": " ".join(_sentences(found)),
        "runbook_url": slo.runbook_url,
    }


def _sentences(found: Transition) -> list[str]:
    told = [
        f"Last {durations.spell(tier.long_s * SECOND_US)}: {tier.bad_long} of {tier.n_long} frames "
        f"bad, burn {tier.burn_long:.1f}; last {durations.spell(tier.short_s * SECOND_US)}: "
        f"{tier.bad_short} of {tier.n_short}, burn {tier.burn_short:.1f} "
        f"(limit {tier.factor:.2f})."
        for tier in found.tiers
        if tier.active or len(found.tiers) == 1
    ]
    if found.latency is not None:
        told.append(
            f"Latency p50 {found.latency.p50_ms:.1f} ms, p99 {found.latency.p99_ms:.1f} ms, "
            f"max {found.latency.max_ms:.1f} ms."
        )
    told += [
        f"Suspect: {one.label} {one.value}, {one.lift:.1f} times the bad share of the others "
        f"({one.bad} of {one.total})."
        for one in found.suspects
    ]
    told.append(f"Error budget left: {found.budget.remaining:.1%}{_until(found.budget)}.")
    if found.flapping:
        told.append(
            f"It was resolved {found.flap_count} times within an hour: it is told once and stays "
            "until it has been calm."
        )
    if found.partial:
        told.append("Part of the window lies before what the log still held: counts are low.")
    return told


def _until(budget: AlertBudget) -> str:
    if budget.exhaustion_s is None or budget.remaining <= 0:
        return ""
    return f", gone in {durations.spell(max(1, int(budget.exhaustion_s)) * SECOND_US)} at this rate"
