"""The webhook body, field by field as Alertmanager writes it."""

from consumers.oncall import webhook
from consumers.oncall.notification import GroupName, Notification, Reason
from consumers.oncall.steps import OPEN, Step
from schemas import alert_log
from schemas.records import Alert, AlertState
from tests import factories

LABELS = {
    "alertname": "LatencySLOBurn",
    "slo": "perception-latency",
    "severity": "page",
    "release_id": "release-3",
    "hardware": "HW3",
}
GROUP = {
    "alertname": "LatencySLOBurn",
    "hardware": "HW3",
    "release_id": "release-3",
    "slo": "perception-latency",
}


def _alert(severity: str, state: AlertState, **over: int | None) -> Alert:
    labels = LABELS | {"severity": severity}
    fields = {
        "labels": labels,
        "annotations": {"runbook_url": "r", "summary": f"{severity} slow"},
        "fingerprint": alert_log.fingerprint(labels),
        "state": state,
        "starts_at": 1_763_769_600_000_000,
        "ends_at": None,
    }
    return factories.alert(**(fields | over))


def _notification(*alerts: Alert) -> Notification:
    news = tuple(Step(alert=one, partition=0, offset=0, stamp_us=0) for one in alerts)
    return Notification(
        group=GroupName(route="{}", labels=tuple(GROUP.items()), shadow=False),
        reason=Reason.FIRST,
        alerts=alerts,
        news=news,
        firing=any(one.state in OPEN for one in alerts),
    )


def test_a_page_that_fires_and_a_ticket_that_has_ended() -> None:
    page = _alert("page", AlertState.FIRING)
    ticket = _alert("ticket", AlertState.RESOLVED, ends_at=1_763_769_630_250_000)
    assert webhook.body(_notification(page, ticket), "webhook") == {
        "receiver": "webhook",
        "status": "firing",
        "alerts": [
            {
                "status": "firing",
                "labels": LABELS,
                "annotations": {"runbook_url": "r", "summary": "page slow"},
                "startsAt": "2025-11-22T00:00:00Z",
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "",
                "fingerprint": alert_log.fingerprint(LABELS),
            },
            {
                "status": "resolved",
                "labels": LABELS | {"severity": "ticket"},
                "annotations": {"runbook_url": "r", "summary": "ticket slow"},
                "startsAt": "2025-11-22T00:00:00Z",
                "endsAt": "2025-11-22T00:00:30.25Z",
                "generatorURL": "",
                "fingerprint": alert_log.fingerprint(LABELS | {"severity": "ticket"}),
            },
        ],
        "groupLabels": GROUP,
        "commonLabels": GROUP,
        "commonAnnotations": {"runbook_url": "r"},
        "externalURL": "",
        "version": "4",
        "groupKey": (
            '{}:{alertname="LatencySLOBurn", hardware="HW3", release_id="release-3", '
            'slo="perception-latency"}'
        ),
        "truncatedAlerts": 0,
        "notification_reason": "first notification",
    }


def test_all_resolved_is_resolved() -> None:
    ended = _alert("page", AlertState.RESOLVED, ends_at=1)
    assert webhook.body(_notification(ended), "w")["status"] == "resolved"


def test_more_than_a_hundred_alerts_are_counted_not_sent() -> None:
    many = [_alert(f"s{number}", AlertState.FIRING) for number in range(103)]
    body = webhook.body(_notification(*many), "w")
    assert (len(body["alerts"]), body["truncatedAlerts"]) == (100, 3)
