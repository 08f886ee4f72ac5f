"""The rows of report.json."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.demo.facts import Held
from infra.demo.malformed import Malformed
from infra.demo.pager import Pager
from producers.evaluation import Accuracy, Difference
from schemas import moments
from schemas.decisions import ReleaseView
from schemas.records import Alert, AlertState, Suspect


@dataclass(frozen=True, slots=True)
class Judged:
    """A release's accuracy on held-back pictures and its gain over the parent."""

    accuracy: Accuracy
    minus_parent: Difference | None


def release_rows(
    views: Mapping[str, ReleaseView], held: Mapping[str, Held], judged: Mapping[str, Judged]
) -> list[dict[str, Any]]:
    """A row for each release, in the order they were proposed."""
    nobody = Held(0, 0)
    return [
        {
            "release_id": name,
            "parent": view.proposal.parent_release_id,
            "state": _state(view),
            "strata": {stratum: s.status.value for stratum, s in view.strata.items()},
            "devices_committed": held.get(name, nobody).committed,
            "devices_rolled_back": held.get(name, nobody).rolled_back,
            "accuracy": _accuracy(judged[name]) if name in judged else None,
        }
        for name, view in views.items()
    ]


def topic_rows(
    produced: Mapping[str, int],
    distinct_produced: Mapping[str, int],
    stored: Mapping[str, tuple[int, int]],
) -> list[dict[str, Any]]:
    """A row for each topic: valid records on the log, rows stored, distinct event ids.

    Args:
        produced: Valid records on the log.
        distinct_produced: Distinct ids on the log, where that may be fewer.
        stored: Rows and distinct ids in ClickHouse.
    """
    return [
        {
            "topic": topic,
            "produced": on_log,
            "distinct_produced": distinct_produced.get(topic, on_log),
            "stored": stored.get(topic, (0, 0))[0],
            "distinct": stored.get(topic, (0, 0))[1],
        }
        for topic, on_log in sorted(produced.items())
    ]


def dead_letter_rows(
    malformed: Sequence[Malformed], found: Mapping[str, int]
) -> list[dict[str, Any]]:
    """A row for each reason that was planned or found."""
    expected = Counter(specimen.reason for specimen in malformed)
    return [
        {"reason": reason, "expected": expected[reason], "found": found.get(reason, 0)}
        for reason in sorted({*expected, *found})
    ]


def alert_rows(alerts: Sequence[Alert], pager: Pager) -> list[dict[str, Any]]:
    """A row for each alert episode: its last state, whom it suspected first, its deliveries."""
    episodes: dict[str, Alert] = {alert.alert_id: alert for alert in alerts}
    suspects: dict[str, list[dict[str, Any]]] = {}
    for alert in alerts:
        if alert.state is AlertState.FIRING:
            suspects.setdefault(alert.alert_id, [_suspect(one) for one in alert.suspects])
    return [
        {
            "alertname": alert.alertname,
            "severity": alert.severity.value,
            "state": alert.state.value,
            "labels": dict(alert.labels),
            "reason": alert.reason,
            "suspects": suspects.get(alert.alert_id, []),
            "starts_at": moments.spell(alert.starts_at),
            "resolved_at": None if alert.resolved_at is None else moments.spell(alert.resolved_at),
            "deliveries": pager.deliveries(alert.fingerprint),
        }
        for alert in episodes.values()
    ]


def _suspect(suspect: Suspect) -> dict[str, Any]:
    return {"label": suspect.label, "value": suspect.value, "lift": round(suspect.lift, 1)}


def _state(view: ReleaseView) -> str:
    states = {s.status.value for s in view.strata.values()}
    return states.pop() if len(states) == 1 else "MIXED"


def _accuracy(judged: Judged) -> dict[str, Any]:
    gain = judged.minus_parent
    return {
        "held_back": round(judged.accuracy.mean, 4),
        "low": round(judged.accuracy.low, 4),
        "high": round(judged.accuracy.high, 4),
        "minus_parent": None
        if gain is None
        else {"mean": round(gain.mean, 4), "low": round(gain.low, 4), "high": round(gain.high, 4)},
    }
