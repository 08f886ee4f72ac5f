"""An alert of the watch as on-call reads it."""

from collections.abc import Mapping
from typing import Final

from schemas import alert_log, durations
from schemas.records import Alert, AlertKind, AlertState, Severity
from streams.watch import rules
from streams.watch.episodes import Name, Step
from streams.watch.signals import Found

_TOLD: Final[Mapping[str, str]] = {
    rules.FLEET_SILENT: "{bad} of {total} devices of {where} are silent",
    rules.CANARY_MISSING: (
        "The canary is not heard in {bad} of {total} partitions, while devices are: its process "
        "may have stopped, and without it a stalled pipeline looks like a silent fleet"
    ),
    rules.CONSUMER_LAG_HIGH: (
        "{where}: {bad} of {total} partitions are not read up to what was written a while ago"
    ),
    rules.CLOCK_SKEW: (
        "{bad} of {total} windows of {where} in a minute are dated more than 2 minutes ahead"
    ),
    rules.SLI_INCONSISTENT: (
        "{bad} of {total} windows of {where} in a minute were refused: their counts contradict "
        "each other, so that the promise is judged on what is left"
    ),
    rules.WATCHDOG: "Always fires: when it is no longer heard, nothing else would be",
}
_STALLED: Final[Mapping[str, str]] = {
    "ingest": "Neither the canary nor any device is heard in {bad} of {total} partitions: "
    "what devices send does not arrive in inference-events",
    "slo": "{bad} of {total} partitions of inference-events are not counted: the SLO workers "
    "have stopped, and the latency alerts are blind there",
    "watch": "{bad} of {total} partitions are not watched: a watch worker has stopped",
}


def labels(name: Name) -> dict[str, str]:
    """Identity of an alert."""
    told = dict(name.labels)
    return {"alertname": name.alertname, "severity": name.severity.lower(), **told}


def alert(step: Step, identity: str, seq: int, last: Alert | None, evaluated_us: int) -> Alert:
    """The record of a step, as number `seq` of the alert `identity`; `last` is the one before."""
    resolved = step.state is AlertState.RESOLVED
    episode = last if last is not None and last.state is AlertState.FIRING else None
    starts_at = episode.starts_at if episode else step.starts_us
    detected_at = episode.detected_at if episode else evaluated_us
    return Alert(
        event_id=alert_log.event_id(identity, seq),
        source="live",
        alert_id=episode.alert_id if episode else alert_log.alert_id(identity, starts_at),
        fingerprint=identity,
        seq=seq,
        alertname=step.name.alertname,
        kind=step.kind,
        severity=step.name.severity,
        state=step.state,
        reason="recovered" if resolved else "exceeded",
        labels=labels(step.name),
        annotations=_annotations(step),
        tiers=(),
        suspects=(),
        exemplars=(),
        starts_at=starts_at,
        detected_at=detected_at,
        ends_at=step.at_us if resolved else None,
        resolved_at=evaluated_us if resolved else None,
        watermark=step.at_us,
        evaluated_at=evaluated_us,
        detection_delay_ms=max(0, (detected_at - starts_at) // 1_000),
        late_events=0,
        flapping=False,
        flap_count=0,
        inhibited_by=(),
        silenced_by=(),
        shadow=False,
    )


def watchdog(at_us: int) -> Step:
    """The beat of a watch that lives."""
    return Step(
        name=Name(rules.WATCHDOG, Severity.INFO, ()),
        kind=AlertKind.WATCHDOG,
        state=AlertState.FIRING,
        at_us=at_us,
        starts_us=at_us,
        found=Found(),
    )


def _annotations(step: Step) -> dict[str, str]:
    name, found = step.name, step.found
    where = ", ".join(f"{label} {value}" for label, value in name.labels) or "the fleet"
    told = _TOLD.get(name.alertname) or _STALLED[dict(name.labels)["stage"]]
    summary = told.format(bad=found.bad, total=found.total, where=where)
    if step.state is AlertState.RESOLVED:
        summary = f"Resolved: {summary}"
    annotations = {
        "summary": summary,
        "runbook_url": f"docs/runbooks/{name.alertname}.md",
    }
    if found.longest:
        annotations["devices"] = ", ".join(
            f"{one.device_id} ({durations.spell(one.silent_us // 1_000_000 * 1_000_000)})"
            for one in found.longest
        )
    return annotations
