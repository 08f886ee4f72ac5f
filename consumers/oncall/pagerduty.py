"""PagerDuty Events API v2: one event for each notification, an incident for each group."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Final

from pydantic import SecretStr

from consumers.oncall.notification import Notification, Reason, is_firing
from consumers.oncall.posting import Post
from schemas import moments
from schemas.records import Alert, Severity

URL: Final = "https://events.pagerduty.com/v2/enqueue"
MAX_SUMMARY: Final = 1_024
MAX_EVENT_BYTES: Final = 512_000
SEVERITIES: Final = {Severity.PAGE: "critical", Severity.TICKET: "warning", Severity.INFO: "info"}


class PagerDutyReceiver:
    """Sends events with a routing key, which is never shown."""

    def __init__(self, name: str, post: Post, routing_key: SecretStr) -> None:
        self.name = name
        self._post = post
        self._routing_key = routing_key

    def send(self, notification: Notification) -> str:
        """Hand over one notification. Raises as `Post`."""
        return self._post(event(notification, self._routing_key))

    def close(self) -> None:
        """Give connections back."""
        self._post.close()


def event(notification: Notification, routing_key: SecretStr) -> dict[str, Any]:
    """The event of a notification, within PagerDuty's limits: details are dropped before it grows.

    The dedup_key is the one Alertmanager would send for the same group (notify/pagerduty), so
    that an incident survives a change from one to the other.
    """
    made: dict[str, Any] = {
        "routing_key": routing_key.get_secret_value(),
        "event_action": _action(notification),
        "dedup_key": hashlib.sha256(notification.key.encode()).hexdigest(),
        "client": "fleetloop",
        "payload": _payload(notification),
        "links": _links(notification.alerts),
    }
    details = made["payload"]["custom_details"]
    while _size(made) > MAX_EVENT_BYTES and len(details["alerts"]) > 1:
        kept = len(details["alerts"]) // 2
        details["alerts"] = details["alerts"][:kept]
        details["not_shown"] = len(notification.alerts) - kept
    if _size(made) > MAX_EVENT_BYTES:
        made["payload"]["custom_details"] = {"error": f"longer than {MAX_EVENT_BYTES} bytes"}
        made["links"] = []
    return made


def _size(made: dict[str, Any]) -> int:
    return len(json.dumps(made).encode())


def _action(notification: Notification) -> str:
    if notification.reason is Reason.ACKNOWLEDGED:
        return "acknowledge"
    return "trigger" if notification.firing else "resolve"


def _payload(notification: Notification) -> dict[str, Any]:
    alerts = notification.alerts
    first = alerts[0]
    told = first.annotations.get("summary") or first.alertname
    firing = sum(is_firing(alert) for alert in alerts)
    more = f" (and {firing - 1} more)" if firing > 1 else ""
    return {
        "summary": told[: MAX_SUMMARY - len(more)] + more,
        "source": first.labels.get("slo", first.alertname),
        "severity": _severity(alerts),
        "timestamp": moments.spell(min(alert.starts_at for alert in alerts)),
        "component": first.labels.get("release_id", ""),
        "group": notification.key[:MAX_SUMMARY],
        "class": first.alertname,
        "custom_details": {
            "reason": notification.reason.value,
            "alerts": [_detail(alert) for alert in alerts],
        },
    }


def _severity(alerts: Sequence[Alert]) -> str:
    worst = min((alert.severity for alert in alerts), key=list(Severity).index)
    return SEVERITIES.get(worst, "error")


def _detail(alert: Alert) -> dict[str, Any]:
    return {
        "status": "firing" if is_firing(alert) else "resolved",
        "labels": dict(sorted(alert.labels.items())),
        "annotations": dict(sorted(alert.annotations.items())),
        "fingerprint": alert.fingerprint,
    }


def _links(alerts: Sequence[Alert]) -> list[dict[str, str]]:
    """Runbooks and dashboards, each once; PagerDuty refuses a link that is no web address."""
    found = {
        alert.annotations[name]: f"{name.removesuffix('_url')} of {alert.alertname}"
        for alert in alerts
        for name in ("runbook_url", "dashboard_url")
        if alert.annotations.get(name, "").startswith(("http://", "https://"))
    }
    return [{"href": href, "text": text} for href, text in sorted(found.items())]
