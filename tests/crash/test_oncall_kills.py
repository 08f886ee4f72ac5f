"""The notifier killed with kill -9 at named points, beside one on the same log that never dies.

What both told is equal once repeats of (fingerprint, start, status) are removed, and a repeat
occurs only where the process died between the receiver's answer and its own record of it.
"""

import os
import random
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from infra.kafka.admin import Admin
from infra.kafka.publisher import Publisher
from infra.settings import KafkaSettings
from infra.topics import apply_all
from schemas import alert_log
from schemas.codec import Codec
from schemas.records import AlertState
from schemas.registry import FileRegistry
from schemas.topics import ALERTS
from tests.alert_steps import step
from tests.crash.forked import Forked
from tests.crash.oncall_process import Point
from tests.engines import CrashableBroker
from tests.oncall_files import oncall_file
from tests.waiting import until
from tests.webhook_receiver import WebhookServer, webhook_server

pytestmark = [pytest.mark.engine, pytest.mark.kafka, pytest.mark.crash]

SEED = 20261
KILLS = 10
POINTS = (Point.BEFORE_SEND, Point.AFTER_ANSWER, Point.AFTER_RECORD)
KEYS = 4
PATIENCE_S = 90.0


@dataclass
class Script:
    """Alerts that begin and end in turn, in an order drawn from the seed."""

    publisher: Publisher
    rng: random.Random
    mark: str
    seqs: Counter[int] = field(default_factory=Counter)

    def write(self) -> None:
        """The next step of one alert."""
        key = self.rng.randrange(KEYS)
        seq = self.seqs[key]
        self.seqs[key] += 1
        labels = {"alertname": "LatencySLOBurn", "slo": f"{self.mark}-{key}", "severity": "page"}
        begun = 1_000_000 * (seq // 2 + 1)
        one = step(
            labels,
            seq,
            AlertState.RESOLVED if seq % 2 else AlertState.FIRING,
            starts_at=begun,
            ends_at=begun + 1 if seq % 2 else None,
            event_id=alert_log.event_id(alert_log.fingerprint(labels), seq),
        )
        self.publisher.publish(ALERTS, one.alert)
        self.publisher.flush()


@dataclass
class Notifier:
    """One installation of the notifier: its outbox, and its webhook."""

    kafka: KafkaSettings
    folder: Path
    hook: WebhookServer

    @contextmanager
    def life(self, point: Point, nth: int) -> Iterator[Forked]:
        """A process that is gone after the block."""
        self.folder.mkdir(exist_ok=True)
        env = os.environ | {
            "FLEETLOOP_KAFKA__BOOTSTRAP": self.kafka.bootstrap,
            "FLEETLOOP_OBJECTS_URL": f"file://{self.folder}/objects",
            "FLEETLOOP_ONCALL_FILE": str(oncall_file(self.folder, self.hook.url)),
        }
        words = ("tests.crash.oncall_process", point, str(nth))
        child = Forked(*words, environment=env, log=self.folder / "log")
        try:
            yield child
        finally:
            child.end()

    def told(self, mark: str) -> Counter[tuple[str, str, str]]:
        """What the webhook took of this test's alerts."""
        return Counter(
            (alert["fingerprint"], alert["startsAt"], alert["status"])
            for body in list(self.hook.bodies)
            for alert in body["alerts"]
            if alert["labels"].get("slo", "").startswith(mark)
        )

    def begun(self) -> bool:
        """Whether it has read the log for the first time."""
        return (self.folder / "objects/oncall/webhook/told.json").exists()

    def said(self) -> str:
        return (self.folder / "log").read_text()[-3_000:]


@pytest.fixture
def world(
    kafka_broker: CrashableBroker, tmp_path: Path
) -> Iterator[tuple[Notifier, Notifier, Publisher]]:
    kafka = kafka_broker.settings
    apply_all(Admin(kafka))
    with ExitStack() as stack:
        publisher = stack.enter_context(Publisher(kafka, Codec(FileRegistry()), "test"))
        steady, killed = (
            Notifier(kafka, tmp_path / name, stack.enter_context(webhook_server()))
            for name in ("steady", "killed")
        )
        yield steady, killed, publisher


@pytest.mark.timeout(400)
def test_what_is_told_does_not_depend_on_where_the_notifier_dies(
    world: tuple[Notifier, Notifier, Publisher],
) -> None:
    steady, killed, publisher = world
    rng = random.Random(SEED)
    script = Script(publisher, rng, f"kill-{os.getpid()}")
    answered = 0
    with steady.life(Point.NEVER, 0):
        with killed.life(Point.NEVER, 0):
            until(lambda: steady.begun() and killed.begun(), "both have begun", PATIENCE_S)
        for number in range(KILLS):
            point, nth = POINTS[number % len(POINTS)], rng.choice((1, 2))
            with killed.life(point, nth) as child:
                for _ in range(nth + rng.randrange(2)):
                    script.write()
                assert child.wait(PATIENCE_S) == -signal.SIGKILL, killed.said()
            answered += point is Point.AFTER_ANSWER
        with killed.life(Point.NEVER, 0):
            steps = script.seqs.total()
            until(lambda: len(steady.told(script.mark)) == steps, "steady", PATIENCE_S)
            until(lambda: len(killed.told(script.mark)) == steps, "killed", PATIENCE_S)
    once, again = steady.told(script.mark), killed.told(script.mark)
    assert set(once) == set(again), f"seed {SEED}: {killed.said()}"
    assert set(once.values()) == {1}, f"seed {SEED}: undisturbed it repeats nothing"
    assert again.total() - len(again) == answered, f"seed {SEED}: {again}"
