"""The canary: one record into each partition each 10 s, and a look at the consumer groups.

A process of its own, because what tells a dead pipeline from a dead fleet must not die with what
judges it: when it stops, the watch says so. It writes windows in which nothing was due, so that
they add nothing to any count.
"""

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Final

from infra.health import Check, HealthServer
from infra.kafka.admin import Admin
from infra.kafka.ends import LogEnds, Source
from infra.kafka.errors import DeliveryError, KafkaUnreachableError
from infra.kafka.positions import committed
from infra.kafka.publisher import Publisher
from infra.settings import Settings
from schemas import histograms
from schemas.codec import Codec
from schemas.records import DeviceClass, InferenceEvent, SloPartial
from schemas.registry import registry_from
from schemas.topics import INFERENCE_EVENTS, SLO_PARTIALS, TOPICS
from streams.watch import watch_file
from streams.watch.agent import HOME
from streams.watch.lagging import Lagging
from streams.watch.listening import CANARY
from streams.watch.rules import PROBE_US

GROUPS: Final = tuple(f"fleetloop.{name}" for name in ("rollout", "slo", "dataset", "watch"))
NOT_STATED: Final = "NOT_STATED"
SECOND_US: Final = 1_000_000
STALL_S: Final = 60.0

log = logging.getLogger("fleetloop.canary")


def beat(partition: int, boot: int, number: int, now_us: int) -> InferenceEvent:
    """A reporting window of the canary of one partition, in which nothing was due."""
    device_id = f"{CANARY}-{partition}"
    return InferenceEvent(
        event_id=f"{device_id}/{boot}/{number}",
        source=CANARY,
        device_id=device_id,
        device_class=DeviceClass.UNKNOWN,
        hardware=NOT_STATED,
        region=NOT_STATED,
        window_start=now_us - PROBE_US,
        window_end=now_us,
        deadline_us=1,
        expected=0,
        produced=0,
        warmup=0,
        late=0,
        latency=histograms.empty(),
        confidence=(),
        classes=(),
        flips=0,
        exemplars=(),
    )


class Canary:
    """What the process does each 10 s.

    Args:
        partitions: Partitions of inference-events.
        lagging: Judges the groups.
        ends: Where these logs end. committed: Next offsets of a group.
        groups: Consumer groups to look at.
    """

    def __init__(
        self,
        partitions: int,
        lagging: Lagging,
        ends: Callable[[], dict[Source, int]],
        committed_by: Callable[[str], dict[Source, int]],
        groups: tuple[str, ...],
        boot: int,
    ) -> None:
        self._partitions = partitions
        self._lagging = lagging
        self._ends = ends
        self._committed_by = committed_by
        self._groups = groups
        self._boot = boot
        self._number = 0

    def beats(self, now_us: int) -> Iterator[InferenceEvent]:
        """One record for each partition, in their order."""
        for partition in range(self._partitions):
            yield beat(partition, self._boot, self._number, now_us)
        self._number += 1

    def groups(self, now_us: int) -> Iterator[SloPartial]:
        """How far behind each group is.

        Raises:
            KafkaUnreachableError: The broker does not tell.
        """
        self._lagging.note(now_us, self._ends())
        for group in self._groups:
            yield from self._lagging.rows(now_us, group, self._committed_by(group))


def run(settings: Settings) -> None:
    """Beat until SIGTERM or SIGINT; a broker that does not answer is what it is there to show.

    Raises:
        WatchFileError: The watch file breaks a rule.
    """
    policy = watch_file.load(settings.watch_file)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as stack:
        codec = Codec(registry_from(settings.registry_url))
        publisher = Publisher(settings.kafka, codec, CANARY, delivery_timeout_s=10.0)
        stack.callback(publisher.close, 0.0)
        ends = LogEnds(settings.kafka, "canary-ends")
        stack.callback(ends.close)
        canary = _canary(settings, Lagging(policy.consumer_lag.behind), ends)
        beaten = [time.monotonic()]
        if settings.metrics_port is not None:
            checks = {"beats": lambda: _check(time.monotonic() - beaten[0])}
            stack.enter_context(HealthServer(settings.metrics_port, checks))
        while not stop.is_set():
            now_us = time.time_ns() // 1_000
            try:
                _turn(canary, publisher, now_us)
                beaten[0] = time.monotonic()
            except (DeliveryError, KafkaUnreachableError) as error:
                log.warning("canary not heard: %s", error)
            stop.wait((PROBE_US - (time.time_ns() // 1_000 - now_us)) / SECOND_US)


def _turn(canary: Canary, publisher: Publisher, now_us: int) -> None:
    for partition, record in enumerate(canary.beats(now_us)):
        publisher.publish(INFERENCE_EVENTS, record, partition=partition)
    publisher.flush(10.0)
    for row in canary.groups(now_us):
        publisher.publish(SLO_PARTIALS, row, partition=HOME)
    publisher.flush(10.0)


def _canary(settings: Settings, lagging: Lagging, ends: LogEnds) -> Canary:
    found = Admin(settings.kafka).describe(TOPICS)
    sources = [(name, at) for name, topic in found.items() for at in range(topic.partitions)]

    def committed_by(group: str) -> dict[Source, int]:
        answers = committed(settings.kafka, group, sources)
        return {at: one.offset for at, one in answers.items() if one.offset is not None}

    return Canary(
        found[INFERENCE_EVENTS.name].partitions,
        lagging,
        lambda: dict(ends.ask(sources)),
        committed_by,
        (*GROUPS, settings.sink.group),
        int(time.time()),
    )


def _check(age_s: float) -> Check:
    return Check(age_s < STALL_S, f"last beat {age_s:.0f} s ago, limit {STALL_S:.0f} s")
