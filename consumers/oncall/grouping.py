"""Which alerts are told together, and what is still to be told. Pure: time is an argument."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from schemas.facts import Fact
from schemas.records import Alert, AlertState

GROUP_BY: Final = ("alertname", "hardware", "release_id", "slo")

# Alerts in one notification at most; what is told for the first time is always among them.
MAX_ALERTS: Final = 100

GroupName = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A valid record of `alerts`, with where it stands on the log."""

    alert: Alert
    partition: int
    offset: int
    stamp_us: int

    @classmethod
    def of(cls, fact: Fact) -> "Step":
        """The step of a fact of `alerts`."""
        return cls(
            alert=fact.record,
            partition=fact.partition,
            offset=fact.offset,
            stamp_us=fact.stamp_us,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """What one receiver is told at once.

    Attributes:
        labels: Labels that all alerts of the group share and are grouped by.
        alerts: What holds: all that fire, and those that this notification resolves; news first.
        news: The steps that this notification tells for the first time.
    """

    labels: Mapping[str, str]
    alerts: tuple[Alert, ...]
    news: tuple[Step, ...]

    @property
    def firing(self) -> bool:
        """Whether any of its alerts fires."""
        return any(alert.state is AlertState.FIRING for alert in self.alerts)

    @property
    def key(self) -> str:
        """Alertmanager's group key, for example `{}:{alertname="X"}`."""
        inside = ", ".join(f"{name}={_quoted(value)}" for name, value in self.labels.items())
        return "{}:{" + inside + "}"

    @property
    def notification_id(self) -> str:
        """Identity: the same news has the same id whoever sends it."""
        told = sorted((step.alert.fingerprint, step.alert.seq) for step in self.news)
        return hashlib.sha256(f"{self.key}\n{told}".encode()).hexdigest()[:32]


class _Group:
    """Alerts with the same group labels: what was told to fire, and what was not told yet."""

    def __init__(self) -> None:
        self.firing: dict[str, Alert] = {}
        self.waiting: list[tuple[int, Step]] = []

    def due_us(self, wait_us: int) -> int | None:
        """When it is to be told, None when there is nothing to tell."""
        return self.waiting[0][0] + wait_us if self.waiting else None

    def news(self) -> tuple[Step, ...]:
        """The next steps, each alert once: an episode that came and went is told in two."""
        taken: dict[str, Step] = {}
        for _, step in self.waiting:
            if step.alert.fingerprint in taken or len(taken) == MAX_ALERTS:
                break
            taken[step.alert.fingerprint] = step
        return tuple(taken.values())

    def apply(self, steps: Sequence[Step]) -> None:
        """Take steps as told; they are the first that wait."""
        self.waiting = self.waiting[len(steps) :]
        for step in steps:
            self.hold(step)

    def hold(self, step: Step) -> None:
        """Take a step as what holds."""
        if step.alert.state is AlertState.FIRING:
            self.firing[step.alert.fingerprint] = step.alert
        else:
            self.firing.pop(step.alert.fingerprint, None)

    @property
    def empty(self) -> bool:
        """Nothing fires and nothing is to be told."""
        return not (self.firing or self.waiting)


class Groups:
    """What one receiver has been told and is to be told, from the valid steps of `alerts`.

    Args:
        wait_us: How long the first news of a group waits for more.
        told: By fingerprint, the last step that the receiver was told.
    """

    def __init__(self, wait_us: int, told: Mapping[str, int]) -> None:
        self._wait_us = wait_us
        self._told = dict(told)
        self._groups: dict[GroupName, _Group] = {}

    @property
    def told(self) -> Mapping[str, int]:
        """By fingerprint, the last step that the receiver was told."""
        return self._told

    def observe(self, step: Step, now_us: int) -> None:
        """Take the next valid step. A shadow alert is recorded on the log and never told."""
        alert = step.alert
        if alert.shadow or alert.state not in (AlertState.FIRING, AlertState.RESOLVED):
            return
        group = self._groups.setdefault(_name(alert), _Group())
        if alert.seq > self._told.get(alert.fingerprint, -1):
            group.waiting.append((now_us, step))
            return
        group.hold(step)
        if group.empty:
            del self._groups[_name(alert)]

    def forget_history(self) -> None:
        """On the very first start: of what has already ended, nothing is told any more."""
        for name, group in list(self._groups.items()):
            last = {step.alert.fingerprint: step for _, step in group.waiting}
            kept = []
            for seen_us, step in group.waiting:
                if last[step.alert.fingerprint] is step and step.alert.state is AlertState.FIRING:
                    kept.append((seen_us, step))
                else:
                    self._told[step.alert.fingerprint] = step.alert.seq
            group.waiting = kept
            if group.empty:
                del self._groups[name]

    def due(self, now_us: int) -> Notification | None:
        """What is to be told now, the longest waiting group first."""
        while (found := self._next(now_us)) is not None:
            name, group = found
            news = group.news()
            alerts = dict(group.firing) | {step.alert.fingerprint: step.alert for step in news}
            unheard = all(step.alert.state is AlertState.RESOLVED for step in news) and not any(
                step.alert.fingerprint in group.firing for step in news
            )
            if unheard:  # the end of something never told is no news
                self._take(name, news)
                continue
            return Notification(labels=dict(name), alerts=_ordered(alerts, news), news=news)
        return None

    def delivered(self, notification: Notification) -> None:
        """Take a notification as told."""
        self._take(tuple(notification.labels.items()), notification.news)

    def waiting(self) -> Iterator[Step]:
        """Steps not yet told."""
        for group in self._groups.values():
            yield from (step for _, step in group.waiting)

    def _next(self, now_us: int) -> tuple[GroupName, _Group] | None:
        due = [
            (at, name)
            for name, group in self._groups.items()
            if (at := group.due_us(self._wait_us)) is not None and at <= now_us
        ]
        if not due:
            return None
        name = min(due)[1]
        return name, self._groups[name]

    def _take(self, name: GroupName, news: Sequence[Step]) -> None:
        group = self._groups[name]
        group.apply(news)
        if group.empty:
            del self._groups[name]
        for step in news:
            self._told[step.alert.fingerprint] = step.alert.seq


def _ordered(alerts: Mapping[str, Alert], news: Sequence[Step]) -> tuple[Alert, ...]:
    """News first, since a receiver is told only the first alerts; then by labels."""
    new = {step.alert.fingerprint for step in news}
    return tuple(
        sorted(
            alerts.values(),
            key=lambda alert: (alert.fingerprint not in new, sorted(alert.labels.items())),
        )
    )


def _name(alert: Alert) -> GroupName:
    return tuple((label, alert.labels[label]) for label in GROUP_BY if label in alert.labels)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
