"""The notifier process: follows `alerts` and tells every receiver what holds."""

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from typing import Final, Protocol

from consumers.oncall.delivery import Receiver, StdoutReceiver, WebhookReceiver
from consumers.oncall.grouping import Step
from consumers.oncall.lane import Lane
from consumers.oncall.outbox import Outbox
from infra.health import Check, Checks, HealthServer
from infra.kafka.follower import Follower
from infra.kafka.publisher import Publisher
from infra.objects import ObjectStore
from infra.settings import Settings
from schemas.alert_log import AlertBook, Verdict
from schemas.codec import Codec
from schemas.facts import Fact
from schemas.records import DeadLetter
from schemas.registry import registry_from
from schemas.topics import ALERTS, DEAD_LETTERS

POLL_S: Final = 0.1
CATCH_UP_S: Final = 60.0
STALL_S: Final = 15.0

log = logging.getLogger("fleetloop.oncall")


class Following(Protocol):
    """What the notifier needs of a `Follower`."""

    def catch_up(self, timeout_s: float = ...) -> list[Fact]:
        """Read to the end."""

    def poll(self, timeout_s: float = ...) -> list[Fact]:
        """Read on."""


class Notifier:
    """Folds `alerts` and keeps the lanes going; the records void on the log are void here too.

    Args:
        now_us: Wall clock in UTC microseconds; it paces waiting and decides nothing else.
    """

    def __init__(
        self, following: Following, lanes: Sequence[Lane], now_us: Callable[[], int]
    ) -> None:
        self._following = following
        self._lanes = lanes
        self._now_us = now_us
        self._book = AlertBook()
        self._caught_up = False
        self._stepped_at = time.monotonic()

    def start(self) -> None:
        """Read what the log holds; what the receivers were told is known from their outboxes."""
        self._observe(self._following.catch_up(CATCH_UP_S))
        for lane in self._lanes:
            lane.begin()
        self._caught_up = True

    def step(self, timeout_s: float = POLL_S) -> None:
        """Read on, and send what is due."""
        self._observe(self._following.poll(timeout_s))
        for lane in self._lanes:
            lane.pump(self._now_us())
        self._stepped_at = time.monotonic()

    def checks(self) -> Checks:
        """What /readyz asks."""
        return {
            "recovered": lambda: Check(self._caught_up, "alerts read to the end"),
            "dependencies": self._stepping,
        }

    def _stepping(self) -> Check:
        age = time.monotonic() - self._stepped_at
        return Check(age < STALL_S, f"the broker was read {age:.1f} s ago")

    def _observe(self, facts: Iterable[Fact]) -> None:
        for fact in facts:
            if self._book.observe(fact.record) is Verdict.VALID:
                for lane in self._lanes:
                    lane.observe(Step.of(fact), self._now_us())


def run(settings: Settings) -> None:
    """Notify until SIGTERM or SIGINT.

    Raises:
        CatchUpError: The alerts cannot be read.
        OutboxError: The outbox in the object store is damaged, or of another log of alerts.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    serve(settings, stop)


def serve(settings: Settings, stop: threading.Event) -> None:
    """Notify until `stop` is set."""
    codec = Codec(registry_from(settings.registry_url))
    with ExitStack() as stack:
        publisher = stack.enter_context(Publisher(settings.kafka, codec, "oncall"))
        follower = Follower(settings.kafka, codec, [ALERTS], "oncall")
        stack.callback(follower.close)

        def refuse(letter: DeadLetter) -> None:
            publisher.publish(DEAD_LETTERS, letter)
            publisher.flush()

        receivers = _receivers(settings)
        objects, topic_id = ObjectStore(settings.objects_url), follower.topic_ids[ALERTS.name]
        lanes = [
            Lane(
                receiver,
                Outbox(
                    objects,
                    receiver.name,
                    topic_id,
                    adopt_new_topic=settings.adopt_new_topic,
                ),
                settings.oncall,
                refuse=refuse,
                topic_id=topic_id,
                stop=stop,
            )
            for receiver in receivers
        ]
        for lane in lanes:
            stack.callback(lane.close)
        notifier = Notifier(follower, lanes, lambda: time.time_ns() // 1_000)
        if settings.metrics_port is not None:
            stack.enter_context(HealthServer(settings.metrics_port, notifier.checks()))
        notifier.start()
        log.info("on-call is told by %s", ", ".join(one.name for one in receivers))
        while not stop.is_set():
            notifier.step()


def _receivers(settings: Settings) -> list[Receiver]:
    receivers: list[Receiver] = [StdoutReceiver()]
    if settings.webhook_url is not None:
        timeout = settings.oncall.request_timeout_s
        receivers.append(WebhookReceiver(settings.webhook_url, timeout))
    return receivers
