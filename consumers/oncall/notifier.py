"""The notifier process: follows `alerts` and tells every receiver what holds."""

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Final, Protocol

from consumers.oncall import oncall_file, receivers
from consumers.oncall.holding import Holding
from consumers.oncall.lane import Lane
from consumers.oncall.oncall_file import OncallFile
from consumers.oncall.outbox import Outbox
from consumers.oncall.steps import Step
from infra.health import Check, Checks, HealthServer
from infra.kafka.follower import Follower
from infra.kafka.publisher import Publisher
from infra.objects import ObjectStore
from infra.settings import Settings
from schemas.alert_log import AlertBook, Verdict
from schemas.codec import Codec
from schemas.durations import SECOND_US
from schemas.facts import Fact
from schemas.records import AlertControl, DeadLetter
from schemas.registry import registry_from
from schemas.topics import ALERT_CONTROLS, ALERTS, DEAD_LETTERS

POLL_S: Final = 0.05
SENDING_POLL_S: Final = 0.005
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
        holding: What is held back.
        now_us: Wall clock in UTC microseconds; it paces waiting and decides nothing else.
    """

    def __init__(
        self,
        following: Following,
        holding: Holding,
        lanes: Sequence[Lane],
        now_us: Callable[[], int],
    ) -> None:
        self._following = following
        self._holding = holding
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
        """Read on, and send what is due; not waiting for long while an answer is awaited."""
        if any(lane.sending for lane in self._lanes):
            timeout_s = min(timeout_s, SENDING_POLL_S)
        self._observe(self._following.poll(timeout_s))
        for lane in self._lanes:
            lane.pump(self._holding, self._now_us())
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
            if isinstance(fact.record, AlertControl):
                self._holding.control(fact.record)
            elif self._book.observe(fact.record) is Verdict.VALID:
                step = Step.of(fact)
                self._holding.observe(step)
                for lane in self._lanes:
                    lane.observe(step, self._now_us())


def run(settings: Settings) -> None:
    """Notify until SIGTERM or SIGINT.

    Raises:
        OncallFileError: The on-call file breaks a rule.
        SettingsError: A secret of a receiver cannot be read.
        CatchUpError: The alerts cannot be read.
        OutboxError: The outbox in the object store is damaged, or of another log of alerts.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    serve(settings, stop)


def serve(settings: Settings, stop: threading.Event) -> None:
    """Notify until `stop` is set."""
    file = oncall_file.load(settings.oncall_file)
    codec = Codec(registry_from(settings.registry_url))
    with ExitStack() as stack:
        publisher = stack.enter_context(Publisher(settings.kafka, codec, "oncall"))
        follower = Follower(settings.kafka, codec, [ALERTS, ALERT_CONTROLS], "oncall")
        stack.callback(follower.close)

        def refuse(letter: DeadLetter) -> None:
            publisher.publish(DEAD_LETTERS, letter)
            publisher.flush()

        lanes = _lanes(settings, file, follower.topic_ids[ALERTS.name], refuse, stop)
        for lane in lanes:
            stack.callback(lane.close)
        holding = Holding([one.inhibition() for one in file.inhibit])
        notifier = Notifier(follower, holding, lanes, lambda: time.time_ns() // 1_000)
        if settings.metrics_port is not None:
            stack.enter_context(HealthServer(settings.metrics_port, notifier.checks()))
        notifier.start()
        log.info("on-call is told by %s", ", ".join(lane.name for lane in lanes))
        while not stop.is_set():
            notifier.step()


def _lanes(
    settings: Settings,
    file: OncallFile,
    topic_id: str,
    refuse: Callable[[DeadLetter], None],
    stop: threading.Event,
) -> list[Lane]:
    """A lane for each receiver."""
    objects = ObjectStore(settings.objects_url)
    made = []
    for part in file.receivers:
        outbox = Outbox(objects, part.name, topic_id, adopt_new_topic=settings.adopt_new_topic)
        made.append(
            Lane(
                receivers.receiver(part, file),
                receivers.plan(part, file, outbox.told),
                outbox,
                hears=partial(receivers.hears, part),
                give_up_after_s=file.give_up_after / SECOND_US,
                refuse=refuse,
                topic_id=topic_id,
                stop=stop,
            )
        )
    return made
