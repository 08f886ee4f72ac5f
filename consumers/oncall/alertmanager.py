"""An Alertmanager as receiver: POST /api/v2/alerts, as Prometheus does it."""

from collections.abc import Callable
from typing import Any, Final

from consumers.oncall.delivery import ReceiverRefusedError
from consumers.oncall.notification import Notification, is_firing
from consumers.oncall.posting import Post
from consumers.oncall.webhook import ends_at
from schemas import moments
from schemas.records import Alert

PATH: Final = "/api/v2/alerts"
BATCH: Final = 64
LASTS_US: Final = 4 * 60_000_000


class AlertmanagerReceiver:
    """Pushes alerts in batches of 64, as Prometheus does.

    Args:
        now_us: Wall clock, UTC microseconds: a firing alert is said to hold for four minutes more.
    """

    def __init__(self, name: str, post: Post, now_us: Callable[[], int]) -> None:
        self.name = name
        self._post = post
        self._now_us = now_us

    def send(self, notification: Notification) -> str:
        """Push every alert.

        Raises:
            ReceiverBusyError: As `Post`; what was taken by then may be pushed again.
            ReceiverRefusedError: One was refused; it took the others of its batch, and the other
                batches are pushed first.
        """
        alerts = [pushed(alert, self._now_us()) for alert in notification.alerts]
        answer, refused = "", None
        for start in range(0, len(alerts), BATCH):
            try:
                answer = self._post(alerts[start : start + BATCH])
            except ReceiverRefusedError as error:
                refused = error
        if refused is not None:
            raise refused
        return answer

    def close(self) -> None:
        """Give connections back."""
        self._post.close()


def pushed(alert: Alert, now_us: int) -> dict[str, Any]:
    """One alert of a push (alertmanager api/v2/openapi.yaml, postableAlert)."""
    firing = is_firing(alert)
    return {
        # Alertmanager refuses an empty annotation or label value where Prometheus drops it.
        "labels": {name: value for name, value in sorted(alert.labels.items()) if value},
        "annotations": dict(sorted(alert.annotations.items())),
        "startsAt": moments.spell(alert.starts_at),
        "endsAt": moments.spell(now_us + LASTS_US if firing else ends_at(alert)),
    }
