"""One receiver's lane: what it is owed, the delivery under way, and what it was told."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from consumers.oncall.delivery import Answer, Receiver, StoppedError, deliver
from consumers.oncall.grouping import Plan
from consumers.oncall.holding import Holding
from consumers.oncall.letters import letter
from consumers.oncall.metrics import NOTIFICATIONS, OLDEST_NEWS
from consumers.oncall.notification import Notification, Reason
from consumers.oncall.outbox import Outbox, Outcome
from consumers.oncall.steps import Step
from schemas.records import Alert, DeadLetter

SECOND_US = 1_000_000

log = logging.getLogger("fleetloop.oncall")


@dataclass(frozen=True, slots=True)
class _UnderWay:
    notification: Notification
    answer: Future[Answer]


class Lane:
    """Tells one receiver, one notification at a time, so that another's silence does not hold it.

    Args:
        plan: What it is owed.
        hears: Whether an alert is for it.
        give_up_after_s: How long it is tried again before a notification becomes a dead letter.
        refuse: Writes a dead letter and returns when it is on the log.
        topic_id: Identity of the `alerts` log.
        stop: Set when the process is to end; a delivery under way lets go.
    """

    def __init__(
        self,
        receiver: Receiver,
        plan: Plan,
        outbox: Outbox,
        *,
        hears: Callable[[Alert], bool] = lambda _: True,
        give_up_after_s: float,
        refuse: Callable[[DeadLetter], None],
        topic_id: str,
        stop: threading.Event,
    ) -> None:
        self._receiver = receiver
        self._plan = plan
        self._outbox = outbox
        self._hears = hears
        self._give_up_after_s = give_up_after_s
        self._refuse = refuse
        self._topic_id = topic_id
        self._stop = stop
        self._sender = ThreadPoolExecutor(1, thread_name_prefix=f"oncall-{receiver.name}")
        self._under_way: _UnderWay | None = None

    @property
    def name(self) -> str:
        """Name of the receiver."""
        return self._receiver.name

    @property
    def idle(self) -> bool:
        """Nothing is owed and nothing is under way."""
        return self._under_way is None and not any(self._plan.waiting())

    @property
    def sending(self) -> bool:
        """A delivery is under way."""
        return self._under_way is not None

    def observe(self, step: Step, now_us: int) -> None:
        """Take the next valid step of `alerts`."""
        if self._hears(step.alert):
            self._plan.observe(step, now_us)

    def begin(self) -> None:
        """The log was read to its end: what had ended before the first start is no news."""
        if self._outbox.new:
            self._plan.forget_history()
            self._outbox.begin(self._plan.told)

    def pump(self, holding: Holding, now_us: int) -> None:
        """Note the answer to what was under way, and send what is due."""
        if self._under_way is not None and self._under_way.answer.done():
            under_way, self._under_way = self._under_way, None
            self._answered(under_way, now_us)
        while self._under_way is None and not self._stop.is_set():
            notification = self._plan.due(holding, now_us)
            if notification is None:
                return
            if notification.sent:
                self._send(notification)
            else:
                self._not_sent(notification, now_us)

    def close(self) -> None:
        """Let go of a delivery under way and give connections back."""
        self._sender.shutdown(wait=True, cancel_futures=True)
        self._receiver.close()

    def _send(self, notification: Notification) -> None:
        answer = self._sender.submit(
            deliver,
            self._receiver,
            notification,
            give_up_after_s=self._give_up_after_s,
            stop=self._stop,
        )
        self._under_way = _UnderWay(notification, answer)

    def _not_sent(self, notification: Notification, now_us: int) -> None:
        outcome = Outcome.SHADOW if notification.group.shadow else Outcome.HELD_BACK
        log.info("%s: %s %s, not sent", self.name, outcome, notification.key)
        self._record(notification, Answer(0), outcome, now_us)

    def _answered(self, under_way: _UnderWay, now_us: int) -> None:
        notification = under_way.notification
        try:
            answer = under_way.answer.result()
        except StoppedError:
            return
        outcome = Outcome.DELIVERED if answer.error is None else Outcome.REFUSED
        if answer.error is not None:
            log.error("%s: %s not told: %s", self.name, notification.key, answer.error)
            if notification.news:
                self._refuse(letter(notification, self.name, answer, self._topic_id))
        if notification.reason is Reason.REFRESH:
            NOTIFICATIONS.labels(self.name, outcome).inc()
        else:
            self._record(notification, answer, outcome, now_us)

    def _record(
        self, notification: Notification, answer: Answer, outcome: Outcome, now_us: int
    ) -> None:
        self._outbox.record(notification, answer, outcome, now_us)
        self._plan.delivered(notification, now_us)
        NOTIFICATIONS.labels(self.name, outcome).inc()
        if outcome is Outcome.DELIVERED and notification.news:
            oldest = min(step.stamp_us for step in notification.news)
            OLDEST_NEWS.labels(self.name).observe(max(0, now_us - oldest) / SECOND_US)
