"""Releases go bad and good again while the SLO worker and the notifier are killed at named points.

The judge is the same processor in memory over the same log of reporting windows, undisturbed.
"""

import itertools
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from confluent_kafka import Consumer, TopicPartition

from infra.kafka.config import consumer_config
from infra.kafka.ends import LogEnds
from infra.kafka.publisher import Publisher
from infra.settings import KafkaSettings
from schemas import moments
from schemas.alert_log import AlertBook, Verdict
from schemas.codec import Codec
from schemas.records import Alert, AlertState, InferenceEvent
from schemas.registry import FileRegistry
from schemas.topics import INFERENCE_EVENTS, SLO_PARTIALS
from streams.slo import slo_file
from tests.crash.forked import Forked
from tests.crash.slo_process import NOTIFIER, Point
from tests.slo_log import SECOND, Loop, window
from tests.slo_site import Site, site
from tests.webhook_receiver import WebhookServer, webhook_server

CODEC: Final = Codec(FileRegistry())
STEP_S: Final = 0.25
BAD_STEPS: Final = 20
EVERY_STEPS: Final = 10
TOLD_STEPS: Final = 60
DEVICES: Final = 8
STEADY: Final = "steady"
PATIENCE_S: Final = 600.0

Kill = tuple[Point, int]
Page = tuple[str, str, str]


@dataclass
class Lane:
    """One kind of worker that dies at one point after another.

    Attributes:
        kills: Points still to come, with how often each is passed before.
        deaths: Points at which one died.
    """

    worker: str
    kills: list[Kill]
    process: Forked | None = None
    at: Point = Point.NEVER
    deaths: list[Point] = field(default_factory=list)

    def keep(self, place: Site) -> None:
        """Start the next one when the last has died of its point.

        Raises:
            AssertionError: It ended otherwise.
        """
        if self.process is not None and self.process.returncode is None:
            return
        if self.process is not None:
            assert self.process.returncode == -signal.SIGKILL, (self.worker, self.at)
            self.deaths.append(self.at)
        self.at, nth = self.kills.pop(0) if self.kills else (Point.NEVER, 1)
        words = ("tests.crash.slo_process", self.worker, self.at.value, str(nth))
        log = place.folder / f"{self.worker}.err"
        self.process = Forked(*words, environment=place.environment, log=log)

    def end(self) -> None:
        """Kill the one that runs."""
        if self.process is not None:
            self.process.end()

    @property
    def done(self) -> bool:
        """Whether every point has been died at."""
        return not self.kills and self.at is Point.NEVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What was told, and what should have been."""

    deaths: Sequence[Point]
    transitions: Sequence[tuple[str, ...]]
    expected: Sequence[tuple[str, ...]]
    pages: Counter[Page]
    expected_pages: set[Page]

    def broken(self) -> list[str]:
        """What is not as in an undisturbed run; empty: all is."""
        lost = set(self.expected) - set(self.transitions)
        strange = set(self.transitions) - set(self.expected)
        twice = [key for key, count in Counter(self.transitions).items() if count > 1]
        repeats = sum(count - 1 for count in self.pages.values())
        answered = self.deaths.count(Point.ANSWERED)
        found = {
            "transitions lost": sorted(lost),
            "transitions of no undisturbed run": sorted(strange),
            "transitions repeated": twice,
            "pages lost": sorted(self.expected_pages - self.pages.keys()),
            "pages nobody expected": sorted(self.pages.keys() - self.expected_pages),
            "pages repeated": [] if repeats <= answered else [f"{repeats} of {answered} allowed"],
        }
        return [f"{what}: {cases}" for what, cases in found.items() if cases]


def play(kafka: KafkaSettings, folder: Path, kills: Sequence[Kill]) -> Played:
    """Play until every kill has happened and every release has recovered."""
    with ExitStack() as stack:
        pager = stack.enter_context(webhook_server())
        place = stack.enter_context(
            site(
                kafka,
                folder,
                pager,
                FLEETLOOP_KAFKA__SESSION_TIMEOUT_S="2",
                FLEETLOOP_CHECKPOINT_INTERVAL_S="0.5",
            )
        )
        publisher = stack.enter_context(Publisher(kafka, CODEC, "devices"))
        lanes = [
            Lane("slo", [kill for kill in kills if kill[0] not in NOTIFIER]),
            Lane("oncall", [kill for kill in kills if kill[0] in NOTIFIER]),
        ]
        for lane in lanes:
            stack.callback(lane.end)
        _story(place, publisher, lanes, pager)
        transitions = [one for _, one in place.transitions()]
        expected = _undisturbed(kafka, folder / "slo.yaml")
        return Played(
            deaths=[point for lane in lanes for point in lane.deaths],
            transitions=_spelled(transitions),
            expected=_spelled(expected),
            pages=_pages(pager),
            expected_pages={_page(alert) for alert in transitions},
        )


def _story(place: Site, publisher: Publisher, lanes: Sequence[Lane], pager: WebhookServer) -> None:
    """All good until both workers have begun; then a release after another goes bad for a while."""
    number, deadline = itertools.count(), time.monotonic() + PATIENCE_S
    while not _begun(place):  # what was before is history to them, and never told
        for lane in lanes:
            lane.keep(place)
        _report(publisher, next(number), [], [])
        assert time.monotonic() < deadline
        time.sleep(STEP_S)
    cases = 0
    for step in itertools.count():  # steps, not seconds: a slow machine shortens no case
        for lane in lanes:
            lane.keep(place)
        going = not all(lane.done for lane in lanes)
        cases = step // EVERY_STEPS + 1 if going else cases
        bad = [case for case in range(cases) if 0 <= step - EVERY_STEPS * case < BAD_STEPS]
        _report(publisher, next(number), _reporting(cases, step), bad)
        if not going and not bad and _settled(place, pager, cases):
            return
        if time.monotonic() > deadline:  # the comparison says what is missing
            return
        time.sleep(STEP_S)


def _begun(place: Site) -> bool:
    """Whether both partitions of stage two have state, and the notifier has its outbox."""
    states = list(place.folder.glob("objects/checkpoints/slo/slo-partials/*/*"))
    outbox = place.folder / "objects/oncall/webhook/told.json"
    return len(states) == SLO_PARTIALS.partitions and outbox.exists()


def _reporting(cases: int, step: int) -> list[int]:
    """Cases whose devices still report: long enough to have recovered."""
    return [case for case in range(cases) if step - EVERY_STEPS * case < TOLD_STEPS]


def _report(publisher: Publisher, number: int, cases: Sequence[int], bad: Sequence[int]) -> None:
    """Each device of each case, and of a release that is always good, reports a window."""
    now_us = time.time_ns() // 1_000
    for name in (STEADY, *(f"release-{case}" for case in cases)):
        late = 8 if name in {f"release-{case}" for case in bad} else 0
        for device in range(DEVICES):
            record = window(f"{name}-{device}", number, now_us, late=late, release_id=name)
            publisher.publish(INFERENCE_EVENTS, record)
    publisher.flush()


def _settled(place: Site, pager: WebhookServer, cases: int) -> bool:
    """Whether every release has fired and recovered, and the pager knows."""
    told = [one for _, one in place.transitions()]
    over = {one.fingerprint for one in told if one.state is AlertState.RESOLVED}
    told_over = over & {page[0] for page in _pages(pager) if page[2] == "resolved"}
    return len(over) >= cases and len(told_over) >= cases


def _pages(pager: WebhookServer) -> Counter[Page]:
    """How often each alert was told in each state: fingerprint, start, status."""
    with pager.lock:
        return Counter(
            (alert["fingerprint"], alert["startsAt"], alert["status"])
            for body in pager.bodies
            for alert in body["alerts"]
        )


def _page(alert: Alert) -> Page:
    """How the webhook tells a step; one whose data went missing is still firing."""
    status = "resolved" if alert.state is AlertState.RESOLVED else "firing"
    return alert.fingerprint, moments.spell(alert.starts_at), status


def _spelled(alerts: Sequence[Alert]) -> list[tuple[str, ...]]:
    """Steps that count: release, severity, state, and the edge at which it was found."""
    book = AlertBook()
    return sorted(
        (alert.labels["release_id"], alert.severity, alert.state, str(alert.watermark))
        for alert in alerts
        if book.observe(alert) is Verdict.VALID
    )


def _undisturbed(kafka: KafkaSettings, file: Path) -> list[Alert]:
    """What both stages say of the same log when nothing disturbs them."""
    loop = Loop(slo_file.load(file), source_partitions=INFERENCE_EVENTS.partitions)
    log = sorted(_read(kafka), key=lambda one: one[1])
    loop.now_us = log[0][1]
    for stamp, group in itertools.groupby(log, key=lambda one: one[1] // SECOND):
        for partition, at_us, record in group:
            loop.sources[partition].append((record, at_us))
        loop.pass_time((stamp + 1) * SECOND - loop.now_us)
    loop.pass_time(SECOND)
    return loop.alerts


def _read(kafka: KafkaSettings) -> Iterator[tuple[int, int, InferenceEvent]]:
    """Partition, broker's stamp and record of every reporting window on the log."""
    sources = [(INFERENCE_EVENTS.name, at) for at in range(INFERENCE_EVENTS.partitions)]
    ends = LogEnds(kafka, "story-ends")
    wanted: Mapping[tuple[str, int], int] = ends.ask(sources)
    ends.close()
    consumer = Consumer(consumer_config(kafka, "story-reader"))
    for source, end in wanted.items():
        consumer.assign([TopicPartition(*source, 0)])
        read = 0
        while read < end:
            for message in consumer.consume(1_000, timeout=1.0):
                read += 1
                record: Any = CODEC.decode(INFERENCE_EVENTS, message.value())
                yield source[1], message.timestamp()[1] * 1_000, record
    consumer.close()
