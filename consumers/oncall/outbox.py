"""What each receiver was told, kept so that kill -9 loses no page and repeats none needlessly.

One object for each delivery is the truth; `told.json` is its summary, so that a start reads few.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

from consumers.oncall.delivery import Answer
from consumers.oncall.group import LastWord
from consumers.oncall.grouping import Told
from consumers.oncall.notification import Notification, Reason, is_firing
from infra.objects import ObjectMissingError, ObjectStore

ROOT: Final = "oncall"
MAX_DELIVERIES: Final = 10_000
SUMMARY_EVERY: Final = 20


class Outcome(StrEnum):
    """How a delivery ended."""

    DELIVERED = "DELIVERED"
    REFUSED = "REFUSED"
    HELD_BACK = "HELD_BACK"  # it came and went while it was silenced or inhibited
    SHADOW = "SHADOW"  # it would have been told


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredAlert:
    """One alert of a notification; `news` when this notification told its step first."""

    alert_id: str
    fingerprint: str
    seq: int
    alertname: str
    severity: str
    status: str
    news: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One notification that a receiver took, or never will.

    Attributes:
        number: Place in the receiver's order of deliveries, from 0.
        group: Identity of the group, shadows told apart.
        sent_us: When the receiver answered, UTC microseconds.
        error: Why it was refused, None when it was taken.
    """

    number: int
    receiver: str
    notification_id: str
    group: str
    reason: Reason
    status: str
    outcome: Outcome
    attempts: int
    error: str | None
    sent_us: int
    alerts: tuple[DeliveredAlert, ...]


class OutboxError(ValueError):
    """The outbox holds what this program did not write; the message names the object."""


class Outbox:
    """The deliveries of one receiver; keeps the last 10,000 of them.

    One process writes it: the notifier runs once in an installation.

    Args:
        topic_id: Identity of the `alerts` log whose steps are told.
        adopt_new_topic: Begin anew when what was told is of another log.

    Attributes:
        new: Nothing was ever told or noted here of this log.

    Raises:
        OutboxError: It is damaged, or of another log: its steps would pass for told.
    """

    def __init__(
        self, objects: ObjectStore, receiver: str, topic_id: str, *, adopt_new_topic: bool = False
    ) -> None:
        self._objects = objects
        self._receiver = receiver
        self._topic_id = topic_id
        self._folder = f"{ROOT}/{receiver}"
        self._told, self._next, of = self._load()
        self.new = of is None or (of != topic_id and adopt_new_topic)
        if self.new:
            self._told = Told({}, {})
        elif of != topic_id:
            raise OutboxError(
                f"outbox {self._folder}: it tells of alerts log {of}, the broker's log is "
                f"{topic_id}: the topic was deleted and made again. To tell what the new one "
                "holds start with --adopt-new-topic"
            )

    @property
    def told(self) -> Told:
        """What the receiver was told."""
        return self._told

    def begin(self, told: Mapping[str, int]) -> None:
        """Note what need not be told, at the very first start."""
        self._told = Told(dict(told), {})
        self.new = False
        self._summarise()

    def record(
        self, notification: Notification, answer: Answer, outcome: Outcome, now_us: int
    ) -> Delivery:
        """Note how a delivery ended. Once this returns it is never sent again."""
        news = {(step.alert.fingerprint, step.alert.seq) for step in notification.news}
        delivery = Delivery(
            number=self._next,
            receiver=self._receiver,
            notification_id=notification.notification_id,
            group=notification.group.identity,
            reason=notification.reason,
            status="firing" if notification.firing else "resolved",
            outcome=outcome,
            attempts=answer.attempts,
            error=answer.error,
            sent_us=now_us,
            alerts=tuple(
                DeliveredAlert(
                    alert_id=alert.alert_id,
                    fingerprint=alert.fingerprint,
                    seq=alert.seq,
                    alertname=alert.alertname,
                    severity=alert.severity.value,
                    status="firing" if is_firing(alert) else "resolved",
                    news=(alert.fingerprint, alert.seq) in news,
                )
                for alert in notification.alerts
            ),
        )
        self._objects.put_named(self._name(self._next), _dumped(asdict(delivery)))
        self._told = _after(self._told, delivery)
        self._next += 1
        if self._next % SUMMARY_EVERY == 0:
            self._summarise()
        return delivery

    def _load(self) -> tuple[Told, int, str | None]:
        """What was told, the number of the next delivery, and of which log; None: of none yet."""
        name = f"{self._folder}/told.json"
        try:
            state = json.loads(self._objects.get(name))
            number, of = int(state["next"]), str(state["topic_id"])
            groups = {name: LastWord(*word) for name, word in state["groups"].items()}
            told = Told(dict(state["told"]), groups)
        except ObjectMissingError:
            return Told({}, {}), 0, None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise OutboxError(f"object {name}: {error!r}; restore it or remove it") from error
        while (delivery := _read(self._objects, self._name(number))) is not None:
            told = _after(told, delivery)
            number += 1
        return told, number, of

    def _summarise(self) -> None:
        state = {
            "topic_id": self._topic_id,
            "told": dict(self._told.steps),
            "groups": {
                name: [word.at_us, word.acknowledged] for name, word in self._told.groups.items()
            },
            "next": self._next,
        }
        self._objects.put_named(f"{self._folder}/told.json", _dumped(state))
        for number in range(
            max(0, self._next - MAX_DELIVERIES - SUMMARY_EVERY),
            max(0, self._next - MAX_DELIVERIES),
        ):
            self._objects.delete(self._name(number))

    def _name(self, number: int) -> str:
        return f"{self._folder}/deliveries/{number:012d}.json"


def deliveries(objects: ObjectStore) -> list[Delivery]:
    """Every delivery still kept, by receiver and in order."""
    return list(_all(objects))


def _all(objects: ObjectStore) -> Iterator[Delivery]:
    for name in objects.list(ROOT):
        if "/deliveries/" in name and (found := _read(objects, name)) is not None:
            yield found


def _read(objects: ObjectStore, name: str) -> Delivery | None:
    try:
        state: dict[str, Any] = json.loads(objects.get(name))
        alerts = tuple(DeliveredAlert(**alert) for alert in state.pop("alerts"))
        outcome, reason = Outcome(state.pop("outcome")), Reason(state.pop("reason"))
        return Delivery(**state, outcome=outcome, reason=reason, alerts=alerts)
    except ObjectMissingError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise OutboxError(f"object {name}: {error!r}; restore it or remove it") from error


def _after(told: Told, delivery: Delivery) -> Told:
    news = {alert.fingerprint: alert.seq for alert in delivery.alerts if alert.news}
    groups = dict(told.groups)
    last = groups.pop(delivery.group, None)
    if delivery.status == "firing" and (last is not None or delivery.reason is not Reason.NONE):
        last = last or LastWord(delivery.sent_us)
        groups[delivery.group] = last.after(delivery.reason, delivery.sent_us)
    return Told(dict(told.steps) | news, groups)


def _dumped(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
