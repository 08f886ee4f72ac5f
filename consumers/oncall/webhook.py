"""Alertmanager's webhook, version 4: its body, and the receiver that posts it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from consumers.oncall.notification import MAX_ALERTS, Notification, is_firing
from consumers.oncall.posting import Post
from schemas import moments
from schemas.records import Alert

NEVER: Final = "0001-01-01T00:00:00Z"


class WebhookReceiver:
    """Posts the body to an address."""

    def __init__(self, name: str, post: Post) -> None:
        self.name = name
        self._post = post

    def send(self, notification: Notification) -> str:
        """Hand over one notification. Raises as `Post`."""
        return self._post(body(notification, self.name))

    def close(self) -> None:
        """Give connections back."""
        self._post.close()


def body(notification: Notification, receiver: str) -> dict[str, Any]:
    """What a receiver of Alertmanager's webhooks expects; at most 100 alerts, the rest counted.

    Fields and meanings: alertmanager notify/webhook/webhook.go and template/template.go;
    notification_reason since 0.32.
    """
    alerts = notification.alerts[:MAX_ALERTS]
    return {
        "receiver": receiver,
        "status": "firing" if notification.firing else "resolved",
        "alerts": [_alert(alert) for alert in alerts],
        "groupLabels": dict(notification.labels),
        "commonLabels": _common([alert.labels for alert in alerts]),
        "commonAnnotations": _common([alert.annotations for alert in alerts]),
        "externalURL": "",
        "version": "4",
        "groupKey": notification.key,
        "truncatedAlerts": len(notification.alerts) - len(alerts),
        "notification_reason": notification.reason.value,
    }


def ends_at(alert: Alert) -> int:
    """When a resolved alert ended, UTC microseconds."""
    ended = alert.ends_at if alert.ends_at is not None else alert.evaluated_at
    return max(ended, alert.starts_at)


def _alert(alert: Alert) -> dict[str, Any]:
    firing = is_firing(alert)
    return {
        "status": "firing" if firing else "resolved",
        "labels": dict(sorted(alert.labels.items())),
        "annotations": dict(sorted(alert.annotations.items())),
        "startsAt": moments.spell(alert.starts_at),
        "endsAt": NEVER if firing else moments.spell(ends_at(alert)),
        "generatorURL": "",
        "fingerprint": alert.fingerprint,
    }


def _common(maps: Sequence[Mapping[str, str]]) -> dict[str, str]:
    first, *others = maps
    return {
        name: value
        for name, value in sorted(first.items())
        if all(other.get(name) == value for other in others)
    }
