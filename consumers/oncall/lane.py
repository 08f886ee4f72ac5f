"""One receiver's lane: what it is owed, the delivery under way, and what it was told."""

import json
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from consumers.dead_letters import REASON_CHARACTERS, code_version, letter_id
from consumers.oncall import webhook
from consumers.oncall.delivery import Answer, Receiver, StoppedError, deliver
from consumers.oncall.grouping import Groups, Notification, Step
from consumers.oncall.outbox import Outbox
from infra.settings import OncallSettings
from schemas.errors import ErrorClass
from schemas.records import DeadLetter
from schemas.topics import ALERTS

STAGE: Final = "oncall"
SECOND_US: Final = 1_000_000

log = logging.getLogger("fleetloop.oncall")


@dataclass(frozen=True, slots=True)
class _UnderWay:
    notification: Notification
    answer: Future[Answer]


class Lane:
    """Tells one receiver, one notification at a time, so that another's silence does not hold it.

    Args:
        refuse: Writes a dead letter and returns when it is on the log.
        topic_id: Identity of the `alerts` log.
        stop: Set when the process is to end; a delivery under way lets go.
    """

    def __init__(
        self,
        receiver: Receiver,
        outbox: Outbox,
        settings: OncallSettings,
        *,
        refuse: Callable[[DeadLetter], None],
        topic_id: str,
        stop: threading.Event,
    ) -> None:
        self._receiver = receiver
        self._settings = settings
        self._refuse = refuse
        self._topic_id = topic_id
        self._stop = stop
        self._outbox = outbox
        self._groups = Groups(int(settings.group_wait_s * SECOND_US), self._outbox.told)
        self._sender = ThreadPoolExecutor(1, thread_name_prefix=f"oncall-{receiver.name}")
        self._under_way: _UnderWay | None = None

    @property
    def idle(self) -> bool:
        """Nothing is owed and nothing is under way."""
        return self._under_way is None and not any(self._groups.waiting())

    def observe(self, step: Step, now_us: int) -> None:
        """Take the next valid step of `alerts`."""
        self._groups.observe(step, now_us)

    def begin(self) -> None:
        """The log was read to its end: what had ended before the first start is no news."""
        if self._outbox.new:
            self._groups.forget_history()
            self._outbox.begin(self._groups.told)

    def pump(self, now_us: int) -> None:
        """Note the answer to what was under way, and send what is due."""
        if self._under_way is not None and self._under_way.answer.done():
            under_way, self._under_way = self._under_way, None
            self._answered(under_way, now_us)
        if self._under_way is None and not self._stop.is_set():
            notification = self._groups.due(now_us)
            if notification is not None:
                self._send(notification)

    def close(self) -> None:
        """Let go of a delivery under way and give connections back."""
        self._sender.shutdown(wait=True, cancel_futures=True)
        self._receiver.close()

    def _send(self, notification: Notification) -> None:
        body = webhook.body(notification, self._receiver.name)
        answer = self._sender.submit(
            deliver,
            self._receiver,
            body,
            give_up_after_s=self._settings.give_up_after_s,
            stop=self._stop,
        )
        self._under_way = _UnderWay(notification, answer)

    def _answered(self, under_way: _UnderWay, now_us: int) -> None:
        notification = under_way.notification
        try:
            answer = under_way.answer.result()
        except StoppedError:
            return
        if answer.error is not None:
            log.error("%s: %s not told: %s", self._receiver.name, notification.key, answer.error)
            self._refuse(self._letter(notification, answer))
        self._outbox.record(notification, answer, now_us)
        self._groups.delivered(notification)

    def _letter(self, notification: Notification, answer: Answer) -> DeadLetter:
        step = notification.news[0]
        stage = f"{STAGE}/{self._receiver.name}"
        return DeadLetter(
            event_id=letter_id(self._topic_id, step.partition, step.offset, stage),
            source=step.alert.source,
            topic=ALERTS.name,
            topic_id=self._topic_id,
            partition=step.partition,
            offset=step.offset,
            ts=step.stamp_us,
            key=step.alert.fingerprint.encode(),
            headers={"receiver": self._receiver.name.encode()},
            body=json.dumps(webhook.body(notification, self._receiver.name)).encode(),
            stage=STAGE,
            error_class=ErrorClass.REFUSED.value,
            reason=f"{self._receiver.name}: {answer.error}"[:REASON_CHARACTERS],
            code_version=code_version(),
            attempt=answer.attempts,
        )
