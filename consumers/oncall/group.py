"""One group of alerts, as one receiver hears of it: what is told at a flush, and why. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from consumers.oncall.holding import Holding
from consumers.oncall.notification import MAX_ALERTS, GroupName, Notification, Reason, ordered
from consumers.oncall.steps import Ear, Step
from schemas.records import Alert


@dataclass(frozen=True, slots=True)
class LastWord:
    """When a receiver was last told of a group, and whether also that somebody has taken it."""

    at_us: int
    acknowledged: bool = False

    def after(self, reason: Reason, now_us: int) -> "LastWord":
        """The last word once a notification is told."""
        if reason is Reason.ACKNOWLEDGED:
            return replace(self, acknowledged=True)
        return self if reason is Reason.NONE else LastWord(now_us)


class Group:
    """Alerts with the same group labels.

    Args:
        last: The last word to the receiver; None: none yet, or it was the end.
        send_resolved: Whether the receiver wants to hear of ends.
    """

    def __init__(self, name: GroupName, last: LastWord | None, *, send_resolved: bool) -> None:
        self.name = name
        self._last = last
        self._send_resolved = send_resolved
        self._ears: dict[str, Ear] = {}

    def ear(self, fingerprint: str) -> Ear:
        """What the receiver knows of an alert."""
        return self._ears.setdefault(fingerprint, Ear())

    def ears(self) -> Iterator[Ear]:
        """What the receiver knows of each alert."""
        return iter(self._ears.values())

    def forget_history(self) -> dict[str, int]:
        """Take what has ended as told: by fingerprint, up to which step."""
        forgotten = ((name, ear.forget_history()) for name, ear in self._ears.items())
        return {name: seq for name, seq in forgotten if seq is not None}

    @property
    def empty(self) -> bool:
        """Nothing is open and nothing is to be told."""
        return all(ear.silent for ear in self.ears())

    def urgent(self, before_us: int) -> bool:
        """Whether something seen before that time could not be told yet, and is not held back."""
        return any(
            ear.waiting and ear.waiting[0][0] <= before_us and not ear.withheld
            for ear in self.ears()
        )

    def flush(self, holding: Holding, now_us: int, repeat_us: int) -> Notification | None:
        """What is to be told now; None: nothing.

        The decision is Alertmanager's (notify/notify.go, needsUpdate), but for three things: every
        episode is told even when it ended before the flush, unless it was held back all the time;
        the end of what was told is told whatever is silenced; what is told again because a silence
        ended waits for the repeat interval.
        """
        news: list[Step] = []
        came_and_went: list[Step] = []
        for ear in self.ears():
            step, gone = ear.due(lambda alert: holding.why(alert, now_us))
            news += [step] if step is not None else []
            came_and_went += [gone] if gone is not None else []
        begun = [step for step in news[:MAX_ALERTS] if step.open]
        ended = [step for step in news[:MAX_ALERTS] if not step.open]
        known = [ear.told.alert for ear in self.ears() if ear.told is not None]
        told = {step.alert.fingerprint for step in ended}
        going_on = [alert for alert in known if alert.fingerprint not in told]
        reason = self._reason(begun, ended, known, going_on)
        shown = [alert for alert in going_on if not holding.why(alert, now_us)]
        if reason is Reason.NONE and self._repeats(shown, holding, now_us, repeat_us):
            reason = Reason.REPEAT
        if reason is Reason.NONE:
            silent = [*ended, *came_and_went]
            return self._notification(reason, silent, [], firing=bool(going_on)) if silent else None
        ended += [step for step in came_and_went if not holding.why(step.alert, now_us)]
        if not self._send_resolved:
            return self._without_ends(reason, begun, ended, shown)
        firing = bool(begun or going_on)
        return self._notification(reason, [*begun, *ended], shown, firing=firing)

    def acknowledgement(self, holding: Holding, now_us: int) -> Notification | None:
        """That every alert the receiver knows of was taken by somebody, told once."""
        known = [ear.told.alert for ear in self.ears() if ear.told is not None]
        if not known or self._last is None or self._last.acknowledged:
            return None
        if any(holding.acknowledged(alert, now_us) is None for alert in known):
            return None
        return self._notification(Reason.ACKNOWLEDGED, [], known, firing=True)

    def take(self, notification: Notification, now_us: int) -> None:
        """Take a notification as told."""
        for step in notification.news:
            self.ear(step.alert.fingerprint).take(step)
        for fingerprint in [name for name, ear in self._ears.items() if ear.silent]:
            del self._ears[fingerprint]
        if self._last is not None or notification.reason is not Reason.NONE:
            self._last = (self._last or LastWord(now_us)).after(notification.reason, now_us)

    def _reason(
        self, begun: list[Step], ended: list[Step], known: list[Alert], going_on: list[Alert]
    ) -> Reason:
        if begun:
            return Reason.NEW_ALERTS if known else Reason.FIRST
        if ended and not going_on:
            return Reason.ALL_RESOLVED if self._send_resolved else Reason.NONE
        if ended and self._send_resolved:
            return Reason.SOME_RESOLVED
        return Reason.NONE

    def _repeats(self, shown: list[Alert], holding: Holding, now_us: int, repeat_us: int) -> bool:
        if self._last is None or now_us - self._last.at_us <= repeat_us:
            return False
        return any(holding.acknowledged(alert, now_us) is None for alert in shown)

    def _without_ends(
        self, reason: Reason, begun: list[Step], ended: list[Step], shown: list[Alert]
    ) -> Notification:
        """For a receiver that does not hear of ends they are news that is not shown."""
        alerts = ordered(begun, shown)
        return Notification(
            group=self.name, reason=reason, alerts=alerts, news=(*begun, *ended), firing=True
        )

    def _notification(
        self, reason: Reason, news: list[Step], shown: list[Alert], *, firing: bool
    ) -> Notification:
        return Notification(
            group=self.name,
            reason=reason,
            alerts=ordered(news, shown),
            news=tuple(news),
            firing=firing,
        )
