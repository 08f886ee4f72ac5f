"""Rounds of kills around a sink on real Kafka, and the judgement of what is stored afterwards.

A round has a database, a consumer group and devices of its own. One kill after the other strikes
the sink, ClickHouse or the broker at a named step while records are published; then a sink that
nobody kills stores the rest, and everything is counted without FINAL, merges off.
"""

import os
import random
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

from consumers.clickhouse.client import Native, native
from consumers.clickhouse.layout import table_name
from infra.kafka.publisher import Publisher
from infra.settings import ClickHouseSettings, KafkaSettings
from infra.stack.clickhouse import ClickHouseServer
from infra.stack.kafka_broker import KafkaBroker
from schemas.topics import INFERENCE_EVENTS, OTA_ACKS, TopicSpec
from tests import factories
from tests.crash.forked import Forked
from tests.crash.sink_process import Plan, Point
from tests.log_checker import Read, Row, RunLog, Sent, check
from tests.sinks import prepare, publishing

TOPICS: Final = (INFERENCE_EVENTS, OTA_ACKS)
RATE: Final = 200
SESSION_S: Final = 1.5
ARM_S: Final = 40.0
STORED_S: Final = 90.0
_TRIES: Final = 3
# The second rollup that adds up, beside latency_minutes: windows by device.
SECOND_ROLLUP: Final = """
CREATE TABLE windows_by_device
(
    device_id String,
    windows SimpleAggregateFunction(sum, UInt64),
    _offsets SimpleAggregateFunction(maxMap, Map(String, Int64))
)
ENGINE = AggregatingMergeTree ORDER BY device_id
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW windows_by_device_view TO windows_by_device AS
SELECT device_id, count() AS windows,
    maxMap(map(concat(_topic_id, '/', toString(_partition)), _offset)) AS _offsets
FROM inference_events GROUP BY device_id
"""
_MERGING: Final = (
    *("inference_events", "ota_acks", "dead_letters"),
    *("latency_minutes", "windows_by_device"),
)


@dataclass(frozen=True, slots=True)
class Kill:
    """One planned kill.

    Attributes:
        victim: "sink", "clickhouse", "broker", or "zombie": a sink that sleeps and wakes too late.
    """

    victim: str
    point: Point
    nth: int
    delay_s: float


# Where each victim can be struck; the letters' step is the sink's own.
_POINTS: Final[Mapping[str, Sequence[Point]]] = {
    "sink": [point for point in Point if point is not Point.NEVER],
    "clickhouse": [
        *(Point.BEFORE_LEDGER, Point.IN_COMMIT, Point.AFTER_LEDGER, Point.AFTER_INSERT),
        *([Point.DURING_INSERT] * 6),
        Point.IN_REVOKE,
    ],
    "broker": [
        *(Point.BEFORE_LEDGER, Point.IN_COMMIT, Point.AFTER_LEDGER),
        *(Point.DURING_INSERT, Point.AFTER_INSERT, Point.IN_REVOKE),
    ],
    "zombie": [Point.BEFORE_LEDGER, Point.AFTER_LEDGER, Point.DURING_INSERT, Point.AFTER_INSERT],
}


def plan(seed: int, victims: Sequence[str]) -> list[Kill]:
    """Kills drawn from a seed, one for each victim named."""
    draw = random.Random(seed)
    return [_kill(draw, victim) for victim in victims]


def _kill(draw: random.Random, victim: str) -> Kill:
    return Kill(victim, draw.choice(_POINTS[victim]), draw.randrange(2, 9), draw.uniform(0.0, 0.02))


@dataclass
class Load:
    """Publishes without pause: inference events, acks, and every 50th record malformed."""

    publisher: Publisher
    mark: str
    sent: dict[str, list[Sent]] = field(default_factory=dict)
    malformed: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.sent = {topic.name: [] for topic in TOPICS}
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """No more; returns when all are acknowledged."""
        self._stop.set()
        self._thread.join()
        self.publisher.flush(60)

    def _run(self) -> None:
        number = 0
        while not self._stop.wait(0.05):
            for _ in range(RATE // 20):
                number += 1
                self._one(number)

    def _one(self, number: int) -> None:
        device = f"{self.mark}-{number % 40}"
        event = {"event_id": f"{device}/1/{number}", "device_id": device}
        if number % 50 == 0:
            body = b"\xff" + bytes([number % 256])
            self.publisher.publish_bytes(OTA_ACKS, device.encode(), body)
            self.malformed += 1
            return
        topic = INFERENCE_EVENTS if number % 2 else OTA_ACKS
        make: Any = factories.inference_event if number % 2 else factories.ota_ack
        self.publisher.publish(topic, make(**event))
        self.sent[topic.name].append(Sent(device, event["event_id"]))


@dataclass
class Round:
    """One round: what it needs, and what it found."""

    broker: KafkaBroker
    clickhouse: ClickHouseServer
    database: ClickHouseSettings
    mark: str
    log: Path
    done: list[Kill] = field(default_factory=list)

    def play(self, kills: Sequence[Kill]) -> dict[str, Any]:
        """All kills in order, then the judgement; empty where nothing is wrong."""
        prepare(self.broker.settings, self.database)
        with native(self.database) as client:
            for statement in SECOND_ROLLUP.split(";"):
                client.execute(statement)
            for table in _MERGING:  # a merge would hide a double; a setting outlives a restart
                client.execute(
                    f"ALTER TABLE {table} MODIFY SETTING max_bytes_to_merge_at_max_space_in_pool=1"
                )
        with publishing(self.broker.settings) as publisher:
            load = Load(publisher, self.mark)
            load.start()
            try:
                for kill in kills:
                    self._strike(kill, load)
                    self.done.append(kill)
            finally:
                load.stop()
            with self._sink(Plan(Point.NEVER)):
                wait_until_stored(self.database, self.mark, load)
        return judge(self.database, load)

    @contextmanager
    def _sink(self, plan: Plan) -> Iterator[Forked]:
        """A sink with a plan, gone after the block."""
        words = ("tests.crash.sink_process", plan.text())
        child = Forked(*words, environment=self._environment(), log=self.log)
        try:
            yield child
        finally:
            child.end()

    def _strike(self, kill: Kill, load: Load) -> None:
        """Once more where a slow machine let the group take a sink for dead before its point."""
        for _ in range(_TRIES):
            if self._struck(kill, load):
                return
        raise AssertionError(f"{kill} was not reached:\n{self.log.read_text()[-4000:]}")

    def _struck(self, kill: Kill, load: Load) -> bool:
        engines: dict[str, KafkaBroker | ClickHouseServer] = {
            "clickhouse": self.clickhouse,
            "broker": self.broker,
        }
        engine = engines.get(kill.victim)
        number = signal.SIGSTOP if kill.victim == "zombie" else signal.SIGKILL
        victim = 0 if engine is None or engine.child is None else engine.child.pid
        with self._sink(Plan(kill.point, kill.nth, kill.delay_s, victim, number)) as child:
            struck = _await(child, psutil.Process(victim or child.pid), number)
            if struck and engine is not None:
                engine.kill()  # tells its supervisor that the end is wanted
                engine.start()
                time.sleep(1.0)
            elif struck and kill.victim == "zombie":
                self._wake(child, load)
        return struck

    def _wake(self, zombie: Forked, load: Load) -> None:
        """Another sink takes over and stores what there is; then the zombie goes on."""
        with self._sink(Plan(Point.NEVER)):
            before = {topic.name: len(load.sent[topic.name]) for topic in TOPICS}
            deadline = time.monotonic() + ARM_S
            while time.monotonic() < deadline:
                stored = places_of(self.database, self.mark)
                if all(stored[name] >= count for name, count in before.items()):
                    break
                time.sleep(0.2)
            zombie.send_signal(signal.SIGCONT)
            time.sleep(2.0)

    def _environment(self) -> Mapping[str, str]:
        kafka: KafkaSettings = self.broker.settings
        return os.environ | {
            "FLEETLOOP_KAFKA__BOOTSTRAP": kafka.bootstrap,
            "FLEETLOOP_KAFKA__SESSION_TIMEOUT_S": str(SESSION_S),
            "FLEETLOOP_CLICKHOUSE__HOST": self.database.host,
            "FLEETLOOP_CLICKHOUSE__TCP_PORT": str(self.database.tcp_port),
            "FLEETLOOP_CLICKHOUSE__HTTP_PORT": str(self.database.http_port),
            "FLEETLOOP_CLICKHOUSE__DATABASE": self.database.database,
            "FLEETLOOP_SINK__GROUP": self.mark,
            "FLEETLOOP_SINK__MAX_AGE_S": "0.1",
            "FLEETLOOP_SINK__MAX_ROWS": "300",
        }


def _await(sink: Forked, victim: psutil.Process, number: int) -> bool:
    """Whether the signal came, and not some other end of the sink."""
    deadline = time.monotonic() + ARM_S
    while time.monotonic() < deadline:
        if victim.pid == sink.pid:
            if number == signal.SIGSTOP and _status(victim) == psutil.STATUS_STOPPED:
                return True
        elif _status(victim) in (None, psutil.STATUS_ZOMBIE):
            return True
        if (ended := sink.returncode) is not None:
            return ended == -number
        time.sleep(0.02)
    return False


def _status(process: psutil.Process) -> str | None:
    """None: it is gone."""
    try:
        return process.status() if process.is_running() else None
    except psutil.NoSuchProcess:
        return None


def wait_until_stored(database: ClickHouseSettings, mark: str, load: Load) -> None:
    """Until every record of the load has a row or a letter, or nothing more is to be hoped for."""
    deadline = time.monotonic() + STORED_S
    sent = {name: len(values) for name, values in load.sent.items()}
    while time.monotonic() < deadline:
        if places_of(database, mark) == sent and letters_of(database, mark) >= load.malformed:
            time.sleep(1.0)  # a torn insert has its rows at once and its rollups with the retry
            return
        time.sleep(0.3)


def judge(database: ClickHouseSettings, load: Load) -> dict[str, Any]:
    """What is wrong: anomalies by Jepsen's names, and each rollup that differs from its rows."""
    wrong: dict[str, Any] = {}
    with native(database) as client:
        for topic in TOPICS:
            rows = stored_rows(client, topic, load.mark)
            read = [Read(f"{topic.name}/{row.place[1]}", row.place, row.value) for row in rows]
            seen = list(dict.fromkeys(read))
            if found := check(RunLog(load.sent[topic.name], seen, rows)):
                wrong[topic.name] = sorted(found)[:50]
        if (letters := letters_of(database, load.mark)) != load.malformed:
            wrong["dead letters"] = [letters, load.malformed]
        for name, question in _QUESTIONS.items():
            ((value, due),) = client.execute(question)
            if value != due:
                wrong[name] = [value, due]
    return wrong


# Each rollup against the rows that others sent too: the broker, not the database, is shared.
_QUESTIONS: Final = {
    "latency_minutes": "SELECT (SELECT sum(windows) FROM latency_minutes), "
    "(SELECT count() FROM inference_events)",
    "latency_minutes.counts": "SELECT (SELECT sum(arraySum(mapValues(counts))) FROM latency_minutes"
    "), (SELECT sum(arraySum(latency_counts)) FROM inference_events)",
    "windows_by_device": "SELECT (SELECT sum(windows) FROM windows_by_device), "
    "(SELECT count() FROM inference_events)",
    "stored_minutes": "SELECT (SELECT sum(rows) FROM stored_minutes WHERE topic = 'ota-acks'), "
    "(SELECT count() FROM ota_acks)",
    "all rows": "SELECT count(), uniqExact(_topic_id, _partition, _offset) FROM inference_events",
}


def stored_rows(client: Native, topic: TopicSpec, mark: str) -> list[Row]:
    """Rows in log order, as stored."""
    found = client.execute(
        f"SELECT _partition, _offset, event_id FROM {table_name(topic.name)} "  # noqa: S608 - one of our tables
        "WHERE startsWith(device_id, {mark:String}) ORDER BY _partition, _offset",
        {"mark": f"{mark}-"},
    )
    return [Row((topic.name, partition, offset), value) for partition, offset, value in found]


def places_of(database: ClickHouseSettings, mark: str) -> dict[str, int]:
    """Different places of the log that are stored, by topic."""
    with native(database) as client:
        return {
            topic.name: client.execute(
                f"SELECT uniqExact(_partition, _offset) FROM {table_name(topic.name)} "  # noqa: S608 - one of our tables
                "WHERE startsWith(device_id, {mark:String})",
                {"mark": f"{mark}-"},
            )[0][0]
            for topic in TOPICS
        }


def letters_of(database: ClickHouseSettings, mark: str) -> int:
    """The broker is shared: others' letters stand on the topic too."""
    with native(database) as client:
        ((letters,),) = client.execute(
            "SELECT uniqExact(event_id) FROM dead_letters WHERE startsWith(key, {mark:String})",
            {"mark": f"{mark}-"},
        )
    return int(letters)
