"""kill -9 of the sink at named points, on a real Kafka: nothing lost, nothing twice, no FINAL."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from consumers.clickhouse.client import native
from infra.kafka.publisher import Publisher
from infra.settings import ClickHouseSettings, KafkaSettings
from infra.stack.kafka_broker import KafkaBroker
from schemas.topics import INFERENCE_EVENTS, OTA_ACKS
from tests import factories
from tests.crash.sink_process import Point
from tests.sinks import prepare, publishing, stop_merges

pytestmark = [pytest.mark.engine, pytest.mark.kafka, pytest.mark.crash]

SEED = 20260
KILLS = 10
RATE = 200
SESSION_S = 1.5


class Load:
    """Publishes without pause: inference events, acks, and every 50th record malformed."""

    def __init__(self, publisher: Publisher, mark: str) -> None:
        self._publisher = publisher
        self._mark = mark
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.sent = {INFERENCE_EVENTS.name: 0, OTA_ACKS.name: 0}
        self.malformed = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        self._publisher.flush()

    def _run(self) -> None:
        number = 0
        while not self._stop.wait(0.05):
            for _ in range(RATE // 20):
                number += 1
                self._one(number)

    def _one(self, number: int) -> None:
        device = f"{self._mark}-{number % 40}"
        event = {"event_id": f"{device}/1/{number}", "device_id": device}
        if number % 50 == 0:
            self._publisher.publish_bytes(
                OTA_ACKS, device.encode(), b"\xff" + bytes([number % 256])
            )
            self.malformed += 1
        elif number % 2:
            self._publisher.publish(INFERENCE_EVENTS, factories.inference_event(**event))
            self.sent[INFERENCE_EVENTS.name] += 1
        else:
            self._publisher.publish(OTA_ACKS, factories.ota_ack(**event))
            self.sent[OTA_ACKS.name] += 1


def environment(kafka: KafkaSettings, clickhouse: ClickHouseSettings, group: str) -> dict[str, str]:
    return os.environ | {
        "FLEETLOOP_KAFKA__BOOTSTRAP": kafka.bootstrap,
        "FLEETLOOP_KAFKA__SESSION_TIMEOUT_S": str(SESSION_S),
        "FLEETLOOP_CLICKHOUSE__HOST": clickhouse.host,
        "FLEETLOOP_CLICKHOUSE__TCP_PORT": str(clickhouse.tcp_port),
        "FLEETLOOP_CLICKHOUSE__HTTP_PORT": str(clickhouse.http_port),
        "FLEETLOOP_CLICKHOUSE__DATABASE": clickhouse.database,
        "FLEETLOOP_SINK__GROUP": group,
        "FLEETLOOP_SINK__MAX_AGE_S": "0.1",
        "FLEETLOOP_SINK__MAX_ROWS": "300",
    }


@contextmanager
def sink(
    point: Point, nth: int, env: dict[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A sink process that is gone after the block."""
    with log.open("ab") as output:
        command = [sys.executable, "-m", "tests.crash.sink_process", point, str(nth)]
        child = subprocess.Popen(command, env=env, stdout=output, stderr=output)
        try:
            yield child
        finally:
            child.kill()
            child.wait()


def test_killed_at_named_points_every_record_is_stored_once(
    kafka_broker: KafkaBroker, database: ClickHouseSettings, tmp_path: Path
) -> None:
    rng = random.Random(SEED)
    points = [*(point for point in Point if point is not Point.NEVER)] * 2
    mark = f"kill-{time.time_ns()}"
    kafka = kafka_broker.settings
    prepare(kafka, database)
    stop_merges(database)
    env = environment(kafka, database, mark)
    log = tmp_path / "sink.log"
    killed = 0
    with publishing(kafka) as publisher:
        load = Load(publisher, mark)
        load.start()
        try:
            for point in points[:KILLS]:
                with sink(point, rng.randrange(1, 12), env, log) as child:
                    assert child.wait(40) == -signal.SIGKILL, log.read_text()
                    killed += 1
        finally:
            load.stop()
    with sink(Point.NEVER, 0, env, log):
        wait_until_stored(database, mark, load)
    assert killed == KILLS
    stored = stored_of(database, mark)
    assert stored == {topic: (sent, sent, sent) for topic, sent in load.sent.items()}, (
        log.read_text()
    )
    assert letters_of(database, mark) == load.malformed
    assert rolled_up(database) == all_windows(database)


def stored_of(clickhouse: ClickHouseSettings, mark: str) -> dict[str, tuple[int, int, int]]:
    found = {}
    with native(clickhouse) as client:
        for topic, table in ((INFERENCE_EVENTS, "inference_events"), (OTA_ACKS, "ota_acks")):
            ((rows, events, places),) = client.execute(
                "SELECT count(), uniqExact(event_id), uniqExact(_topic_id, _partition, _offset) "  # noqa: S608 - two table names
                f"FROM {table} WHERE startsWith(device_id, {{mark:String}})",
                {"mark": mark},
            )
            found[topic.name] = (rows, events, places)
    return found


def letters_of(clickhouse: ClickHouseSettings, mark: str) -> int:
    """The broker is shared: others' letters stand on the topic too."""
    with native(clickhouse) as client:
        ((letters,),) = client.execute(
            "SELECT uniqExact(event_id) FROM dead_letters WHERE startsWith(key, {mark:String})",
            {"mark": mark},
        )
    return int(letters)


def wait_until_stored(clickhouse: ClickHouseSettings, mark: str, load: Load) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        places = {topic: counts[2] for topic, counts in stored_of(clickhouse, mark).items()}
        if places == load.sent and letters_of(clickhouse, mark) == load.malformed:
            return
        time.sleep(0.3)


def rolled_up(clickhouse: ClickHouseSettings) -> int:
    with native(clickhouse) as client:
        ((windows,),) = client.execute("SELECT sum(windows) FROM latency_minutes")
    return int(windows)


def all_windows(clickhouse: ClickHouseSettings) -> int:
    with native(clickhouse) as client:
        ((windows,),) = client.execute("SELECT count() FROM inference_events")
    return int(windows)
