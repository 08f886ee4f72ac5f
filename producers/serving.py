"""A producer that follows topics until it is told to stop, with its health beside it."""

import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Final, Protocol

from infra.health import Check, HealthServer
from infra.kafka.follower import Follower
from infra.kafka.publisher import Publisher
from infra.settings import Settings
from producers.publishing import Publishing
from schemas.codec import Codec
from schemas.facts import Fact
from schemas.registry import registry_from
from schemas.topics import TopicSpec

POLL_S: Final = 0.2
CATCH_UP_S: Final = 30.0
STALL_S: Final = 120.0
"""A step may train a model; beyond this the process is not ready."""


class Worker(Protocol):
    """What follows: told facts in log order, then asked to act, from one thread."""

    def observe(self, facts: Sequence[Fact]) -> None:
        """Take facts; nothing is written."""

    def act(self, publisher: Publishing) -> None:
        """Do what the facts so far ask for; called after every poll."""


def serve(settings: Settings, name: str, topics: Sequence[TopicSpec], worker: Worker) -> None:
    """Run a worker until SIGTERM or SIGINT: first it learns all that is on the log, then it acts.

    Raises:
        CatchUpError, LogReadError, DeliveryError: The broker does not give or take records.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    codec = Codec(registry_from(settings.registry_url))
    with ExitStack() as stack:
        follower = Follower(settings.kafka, codec, topics, name)
        stack.callback(follower.close)
        publisher = stack.enter_context(Publisher(settings.kafka, codec, name))
        watch = _Watch()
        if settings.metrics_port is not None:
            stack.enter_context(HealthServer(settings.metrics_port, {"follows": watch.check}))
        worker.observe(follower.catch_up(CATCH_UP_S))
        follow(follower.poll, worker, publisher, stop.is_set, watch.stepped)


def follow(
    poll: Callable[[float], list[Fact]],
    worker: Worker,
    publisher: Publishing,
    stopped: Callable[[], bool],
    stepped: Callable[[], None],
) -> None:
    """Act, tell, act again, until stopped."""
    while not stopped():
        worker.act(publisher)
        stepped()
        worker.observe(poll(POLL_S))


class _Watch:
    """Whether the loop still turns."""

    def __init__(self) -> None:
        self._stepped_at: float | None = None

    def stepped(self) -> None:
        self._stepped_at = time.monotonic()

    def check(self) -> Check:
        if self._stepped_at is None:
            return Check(ok=False, detail="reading what is on the log")
        age = time.monotonic() - self._stepped_at
        return Check(age < STALL_S, f"last step {age:.1f} s ago, limit {STALL_S:.0f} s")
