"""A test notification to every receiver: whether an alert would arrive, asked before it matters."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from consumers.oncall import receivers
from consumers.oncall.delivery import Receiver, ReceiverBusyError, ReceiverRefusedError
from consumers.oncall.notification import GroupName, Notification, Reason
from consumers.oncall.oncall_file import OncallFile
from consumers.oncall.steps import Step
from schemas import alert_log
from schemas.records import Alert, AlertKind, AlertState, Severity

ALERTNAME: Final = "TestNotification"
LABELS: Final = {"alertname": ALERTNAME, "severity": "info", "test": "true"}
ANNOTATIONS: Final = {
    "summary": "TEST: nothing is wrong; somebody asks whether this receiver hears",
    "description": "Sent by `fleetloop alerts test`, with its end right behind it.",
    "runbook_url": f"docs/runbooks/{ALERTNAME}.md",
}


@dataclass(frozen=True, slots=True)
class TrialAnswer:
    """What one receiver answered to the beginning or the end of the test alert."""

    receiver: str
    kind: str
    status: str
    answer: str
    milliseconds: int
    busy: bool = False
    refused: bool = False

    def row(self) -> dict[str, Any]:
        """As the command shows it."""
        return {
            "receiver": self.receiver,
            "kind": self.kind,
            "status": self.status,
            "taken": not (self.busy or self.refused),
            "answer": self.answer,
            "ms": self.milliseconds,
        }


def trial(file: OncallFile, now_us: int) -> list[TrialAnswer]:
    """Tell every receiver once, whatever it hears otherwise, and ask each only once.

    Args:
        file: Who there is.
        now_us: When the test alert begins, UTC microseconds.

    Raises:
        SettingsError, OncallFileError: A receiver's secret cannot be used.
    """
    made = [(part.kind, receivers.receiver(part, file)) for part in file.receivers]
    try:
        return [answer for kind, one in made for answer in _told(kind, one, now_us)]
    finally:
        for _, one in made:
            one.close()


def notifications(now_us: int) -> tuple[Notification, Notification]:
    """The beginning and the end of the test alert."""
    begun = _alert(now_us)
    ended = replace(begun, state=AlertState.RESOLVED, seq=1, ends_at=now_us + 1)
    return _notification(begun, Reason.FIRST), _notification(ended, Reason.ALL_RESOLVED)


def _told(kind: str, receiver: Receiver, now_us: int) -> Iterator[TrialAnswer]:
    for notification in notifications(now_us):
        status = "firing" if notification.firing else "resolved"
        begin = time.monotonic()
        busy = refused = False
        try:
            answer = receiver.send(notification)
        except ReceiverBusyError as error:
            answer, busy = str(error), True
        except ReceiverRefusedError as error:
            answer, refused = str(error), True
        took = round((time.monotonic() - begin) * 1_000)
        yield TrialAnswer(receiver.name, kind, status, answer, took, busy, refused)
        if busy or refused:
            return


def _notification(alert: Alert, reason: Reason) -> Notification:
    return Notification(
        group=GroupName(route="{}", labels=(("alertname", ALERTNAME),), shadow=False),
        reason=reason,
        alerts=(alert,),
        news=(Step(alert=alert, partition=0, offset=0, stamp_us=alert.starts_at),),
        firing=reason is Reason.FIRST,
    )


def _alert(now_us: int) -> Alert:
    fingerprint = alert_log.fingerprint(LABELS)
    return Alert(
        event_id=alert_log.event_id(fingerprint, 0),
        source="live",
        alert_id=alert_log.alert_id(fingerprint, now_us),
        fingerprint=fingerprint,
        seq=0,
        alertname=ALERTNAME,
        kind=AlertKind.UNKNOWN,
        severity=Severity.INFO,
        state=AlertState.FIRING,
        reason="test",
        labels=LABELS,
        annotations=ANNOTATIONS,
        tiers=(),
        suspects=(),
        exemplars=(),
        starts_at=now_us,
        detected_at=now_us,
        watermark=now_us,
        evaluated_at=now_us,
        detection_delay_ms=0,
        late_events=0,
        flapping=False,
        flap_count=0,
        inhibited_by=(),
        silenced_by=(),
        shadow=False,
    )
