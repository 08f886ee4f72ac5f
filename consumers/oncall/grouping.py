"""Which alerts are told together, and when: one receiver's groups and their flushes. Pure."""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from consumers.oncall.group import Group, LastWord
from consumers.oncall.holding import Holding
from consumers.oncall.notification import GroupName, Notification, Reason
from consumers.oncall.steps import TOLD, Step
from schemas.records import Alert, AlertKind, Severity

PAGES: Final = '{}/{severity="page"}'
WATCHDOGS: Final = '{}/{alertname="Watchdog"}'
OTHERS: Final = "{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When a group is told, microseconds.

    Attributes:
        wait_us: How long the first alert of a group waits for others.
        interval_us: How long the group then waits before it is looked at again.
        repeat_us: After how long it is told again although nothing has changed.
    """

    wait_us: int
    interval_us: int
    repeat_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """How alerts are grouped: pages and watchdogs apart from all others, with their own timing."""

    group_by: tuple[str, ...]
    page: Timing
    ticket: Timing
    watchdog: Timing

    def name(self, alert: Alert) -> GroupName:
        """The group of an alert."""
        return GroupName(
            route=_route(alert),
            labels=tuple(
                (label, alert.labels[label])
                for label in sorted(self.group_by)
                if label in alert.labels
            ),
            shadow=alert.shadow,
        )

    def timing(self, name: GroupName) -> Timing:
        """The timing of a group."""
        return {PAGES: self.page, WATCHDOGS: self.watchdog}.get(name.route, self.ticket)


def _route(alert: Alert) -> str:
    if alert.kind is AlertKind.WATCHDOG:
        return WATCHDOGS
    return PAGES if alert.severity is Severity.PAGE else OTHERS


@dataclass(frozen=True, slots=True)
class Told:
    """What a receiver was told before: the last step by fingerprint, the last word by group."""

    steps: Mapping[str, int]
    groups: Mapping[str, LastWord]


class Plan(Protocol):
    """What one receiver is owed."""

    @property
    def told(self) -> Mapping[str, int]:
        """By fingerprint, the last step that the receiver was told."""

    def observe(self, step: Step, now_us: int) -> None:
        """Take the next valid step of `alerts`."""

    def forget_history(self) -> None:
        """On the very first start: of what has already ended, nothing is told any more."""

    def due(self, holding: Holding, now_us: int) -> Notification | None:
        """What is to be told now."""

    def delivered(self, notification: Notification, now_us: int) -> None:
        """Take a notification as told."""

    def waiting(self) -> Iterator[Step]:
        """Steps not yet told."""


class Groups:
    """The plan of a receiver that is told by group.

    Args:
        told: What its outbox says.
        send_resolved: Whether it wants to hear of ends.
        acknowledges: Whether it wants to hear of acknowledgements.
    """

    def __init__(
        self, routing: Routing, told: Told, *, send_resolved: bool, acknowledges: bool
    ) -> None:
        self._routing = routing
        self._told = dict(told.steps)
        self._last = dict(told.groups)
        self._send_resolved = send_resolved
        self._acknowledges = acknowledges
        self._groups: dict[GroupName, Group] = {}
        self._flushes: list[tuple[int, str, GroupName]] = []  # heap: when each is looked at next
        self._ready: list[tuple[bool, int, str, GroupName]] = []  # heap: pages before all others
        self._flushed_us = 0
        self._controls = 0

    @property
    def told(self) -> Mapping[str, int]:
        """By fingerprint, the last step that the receiver was told."""
        return self._told

    def observe(self, step: Step, now_us: int) -> None:
        """Take the next valid step of `alerts`."""
        alert = step.alert
        if alert.state not in TOLD:
            return
        name = self._routing.name(alert)
        group = self._groups.get(name) or self._opened(name, now_us)
        ear = group.ear(alert.fingerprint)
        if alert.seq <= self._told.get(alert.fingerprint, -1):
            ear.take(step)
        else:
            ear.hear(step, now_us)

    def forget_history(self) -> None:
        """On the very first start: of what has already ended, nothing is told any more."""
        for group in self._groups.values():
            self._told |= group.forget_history()

    def due(self, holding: Holding, now_us: int) -> Notification | None:
        """What is to be told now, pages first, then what has waited longest."""
        while self._flushes and self._flushes[0][0] <= now_us:
            at_us, _, name = heapq.heappop(self._flushes)
            self._make_ready(at_us, name)
        while self._ready:
            *_, name = heapq.heappop(self._ready)
            group, timing = self._groups[name], self._routing.timing(name)
            found = group.flush(holding, now_us, timing.repeat_us)
            if found is None and group.empty:
                del self._groups[name]
                continue
            heapq.heappush(self._flushes, (now_us + timing.interval_us, name.identity, name))
            if found is not None:
                self._flushed_us = now_us
                return found
        return self._acknowledgement(holding, now_us) if self._acknowledges else None

    def delivered(self, notification: Notification, now_us: int) -> None:
        """Take a notification as told; what it left over is told at once."""
        name = notification.group
        group = self._groups[name]
        group.take(notification, now_us)
        for step in notification.news:
            self._told[step.alert.fingerprint] = step.alert.seq
        flushed = notification.reason is not Reason.ACKNOWLEDGED
        left = flushed and group.urgent(self._flushed_us)
        if group.empty or left:
            self._flushes = [entry for entry in self._flushes if entry[2] != name]
            heapq.heapify(self._flushes)
        if group.empty:
            del self._groups[name]
        elif left:
            self._make_ready(now_us, name)

    def waiting(self) -> Iterator[Step]:
        """Steps not yet told."""
        for group in self._groups.values():
            for ear in group.ears():
                yield from (step for _, step in ear.waiting)

    def _opened(self, name: GroupName, now_us: int) -> Group:
        last, timing = self._last.pop(name.identity, None), self._routing.timing(name)
        group = Group(name, last, send_resolved=self._send_resolved)
        self._groups[name] = group
        due = now_us + timing.wait_us
        if last is not None:
            due = max(now_us, last.at_us + timing.interval_us)
        heapq.heappush(self._flushes, (due, name.identity, name))
        return group

    def _make_ready(self, at_us: int, name: GroupName) -> None:
        heapq.heappush(self._ready, (name.route != PAGES, at_us, name.identity, name))

    def _acknowledgement(self, holding: Holding, now_us: int) -> Notification | None:
        """Looked for only when a control has come since: there are many groups."""
        if self._controls == holding.controls_seen:
            return None
        for group in self._groups.values():
            if (found := group.acknowledgement(holding, now_us)) is not None:
                return found
        self._controls = holding.controls_seen
        return None
