"""The plan of an Alertmanager, which groups and silences by itself: every alert, again and again.

As Prometheus does (rules/alerting.go): at once, then each minute while it fires; an end is
repeated for a quarter of an hour.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from consumers.oncall.holding import Holding
from consumers.oncall.notification import MAX_ALERTS, GroupName, Notification, Reason, ordered
from consumers.oncall.steps import TOLD, Ear, Step

RESEND_US: Final = 60_000_000
REPEAT_END_US: Final = 15 * 60_000_000
EVERYTHING: Final = GroupName(route="{}", labels=(), shadow=False)
SHADOWS: Final = GroupName(route="{}", labels=(), shadow=True)


class Pushes:
    """What one Alertmanager is owed.

    What was pushed is pushed on whatever is silenced here since: an alert that is no longer
    pushed would seem to have ended.

    Args:
        told: By fingerprint, the last step it was told.
    """

    def __init__(self, told: Mapping[str, int]) -> None:
        self._told = dict(told)
        self._ears: dict[str, Ear] = {}
        self._unheard: dict[str, None] = {}
        self._resend_us = 0

    @property
    def told(self) -> Mapping[str, int]:
        """By fingerprint, the last step that the receiver was told."""
        return self._told

    def observe(self, step: Step, now_us: int) -> None:
        """Take the next valid step of `alerts`."""
        alert = step.alert
        if alert.state not in TOLD:
            return
        ear = self._ears.setdefault(alert.fingerprint, Ear())
        if alert.seq <= self._told.get(alert.fingerprint, -1):
            ear.take(step)
        elif ear.hear(step, now_us):
            self._unheard[alert.fingerprint] = None

    def forget_history(self) -> None:
        """On the very first start: of what has already ended, nothing is told any more."""
        for fingerprint in list(self._unheard):
            seq = self._ears[fingerprint].forget_history()
            if seq is not None:
                self._told[fingerprint] = seq
            if not self._ears[fingerprint].waiting:
                del self._unheard[fingerprint]

    def due(self, holding: Holding, now_us: int) -> Notification | None:
        """News at once, else all that holds when its minute is over."""
        for shadow in (False, True):
            found = self._news(holding, now_us, shadow=shadow)
            if found is not None:
                return found
        if now_us < self._resend_us:
            return None
        self._resend_us = now_us + RESEND_US
        steps = [one for one in self._held(now_us) if not holding.dead(one.alert, now_us)]
        return _notification(Reason.REFRESH, (), steps, shadow=False) if steps else None

    def delivered(self, notification: Notification, now_us: int) -> None:  # noqa: ARG002 - as `Plan` has it
        """Take a notification as told."""
        for step in notification.news:
            fingerprint = step.alert.fingerprint
            self._told[fingerprint] = step.alert.seq
            ear = self._ears[fingerprint]
            ear.take(step)
            if not ear.waiting:
                self._unheard.pop(fingerprint, None)

    def waiting(self) -> Iterator[Step]:
        """Steps not yet told."""
        for fingerprint in self._unheard:
            yield from (step for _, step in self._ears[fingerprint].waiting)

    def _news(self, holding: Holding, now_us: int, *, shadow: bool) -> Notification | None:
        news: list[Step] = []
        gone: list[Step] = []
        for fingerprint in self._unheard:
            ear = self._ears[fingerprint]
            if ear.waiting[0][1].alert.shadow is not shadow:
                continue
            step, over = ear.due(lambda alert: holding.why(alert, now_us))
            news += [step] if step is not None else []
            gone += [over] if over is not None else []
        if news:
            ends = any(not step.open for step in news)
            reason = Reason.SOME_RESOLVED if ends else Reason.NEW_ALERTS
            return _notification(reason, tuple(news[:MAX_ALERTS]), [], shadow=shadow)
        return _notification(Reason.NONE, tuple(gone), [], shadow=shadow) if gone else None

    def _held(self, now_us: int) -> Iterator[Step]:
        for fingerprint, ear in list(self._ears.items()):
            if ear.told is not None:
                if not ear.told.alert.shadow:
                    yield ear.told
            elif ear.ended is not None and now_us < ear.ended.stamp_us + REPEAT_END_US:
                if not ear.ended.alert.shadow:
                    yield ear.ended
            elif not ear.waiting:
                del self._ears[fingerprint]


def _notification(
    reason: Reason, news: tuple[Step, ...], held: list[Step], *, shadow: bool
) -> Notification:
    steps = [*news, *held]
    return Notification(
        group=SHADOWS if shadow else EVERYTHING,
        reason=reason,
        alerts=ordered(news, [step.alert for step in held]),
        news=news,
        firing=any(step.open for step in steps),
    )
