"""What may happen to a log under the sink: its head goes, it is made anew, a record is very long.

The broker is this file's own, since others read all topics of the shared one.
"""

import random
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from consumers.clickhouse.census import Count
from consumers.clickhouse.client import native
from consumers.clickhouse.ledger import LedgerError
from consumers.clickhouse.server import Server
from infra.kafka.admin import Admin
from infra.kafka.errors import DeliveryError, LogReadError
from infra.kafka.publisher import Publisher
from infra.settings import ClickHouseSettings, KafkaSettings, Settings
from infra.stack.kafka_broker import KafkaBroker
from infra.stack.supervisor import Supervisor
from schemas.topics import DEAD_LETTERS, OTA_ACKS
from tests import factories
from tests.engines import needed
from tests.sinks import CODEC, counted_until, prepare, publishing, running, settings_for

pytestmark = [pytest.mark.engine, pytest.mark.kafka]

HELD = 60
MANY = 3_000  # more than one turn takes
LONG = 10 << 20
ROOM = {"max.message.bytes": str(12 << 20)}


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaSettings]:
    """A broker of this file's own."""
    folder = tmp_path_factory.mktemp("live")
    with Supervisor(folder / "logs") as supervisor:
        broker = KafkaBroker(supervisor, folder / "kafka")
        needed(broker.start)
        yield broker.settings


@pytest.fixture
def log(kafka: KafkaSettings, database: ClickHouseSettings) -> Settings:
    """All topics empty, and a group and a database that nobody else has."""
    if names := Admin(kafka).names():
        Admin(kafka).delete(names)
    prepare(kafka, database)
    return settings_for(kafka, database, f"live-{time.time_ns()}")


def publish(kafka: KafkaSettings, mark: str, count: int = HELD) -> None:
    """Acks of one device, hence of one partition."""
    with publishing(kafka) as publisher:
        for number in range(count):
            publisher.publish(OTA_ACKS, factories.ota_ack(event_id=f"{mark}/{number}"))
        publisher.flush()


def partition_of_acks(kafka: KafkaSettings) -> TopicPartition:
    """The one that holds records, with the offset behind its last."""
    ends = Admin(kafka).end_offsets([OTA_ACKS.name])
    ((place, end),) = [(place, end) for place, end in ends.items() if end]
    return TopicPartition(*place, end)


def take_head(kafka: KafkaSettings, before: int) -> None:
    """What retention does, at once: records before an offset are gone."""
    at = partition_of_acks(kafka)
    client = AdminClient(kafka.client_config())
    cut = client.delete_records([TopicPartition(at.topic, at.partition, before)])
    for future in cut.values():
        future.result(30)


def acks(database: ClickHouseSettings, at_least: int) -> Count:
    """The census of acks once there are so many events."""
    found: Mapping[str, Count] = counted_until(
        database, lambda counts: counts[OTA_ACKS.name].events >= at_least
    )
    return found[OTA_ACKS.name]


def test_a_head_that_retention_took_is_named_and_nothing_else_is_lost(log: Settings) -> None:
    publish(log.kafka, "first")
    with running(log):
        assert acks(log.clickhouse, HELD).events == HELD
    publish(log.kafka, "second")
    take_head(log.kafka, HELD + 20)
    with running(log) as sink:
        error = sink.failed(30)
    assert isinstance(error, LedgerError)
    assert f"offsets {HELD}-{HELD + 19} are missing" in str(error)
    assert "ACCEPT_GAPS" in str(error)
    lenient = log.sink.model_copy(update={"accept_gaps": True})
    with running(log.model_copy(update={"sink": lenient})):
        left = 2 * HELD - 20
        assert acks(log.clickhouse, left) == Count(left, left, left)


def test_a_head_taken_while_the_sink_runs_stops_it(
    log: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has paused partitions, since ClickHouse is slow; what it comes back for is gone."""
    insert, open_at = Server.insert, time.monotonic() + 4.0

    def slow(self: Server, *args: Any, **rest: Any) -> None:
        time.sleep(max(0.0, open_at - time.monotonic()))
        insert(self, *args, **rest)

    monkeypatch.setattr(Server, "insert", slow)
    tight = log.sink.model_copy(update={"max_rows": 10, "max_memory_bytes": 2_000})
    publish(log.kafka, "live", MANY)
    with running(log.model_copy(update={"sink": tight})) as sink:
        time.sleep(2.0)
        take_head(log.kafka, MANY)
        publish(log.kafka, "later")
        error = sink.failed(40)
    assert isinstance(error, (LedgerError, LogReadError))
    assert re.search(rf"{OTA_ACKS.name}/\d: .*(missing|is gone)", str(error))


def make_again(kafka: KafkaSettings, database: ClickHouseSettings) -> tuple[str, str]:
    """Delete the topic of acks and make it anew; its id before and after."""
    admin = Admin(kafka)
    before = admin.topic_ids([OTA_ACKS.name])[OTA_ACKS.name]
    admin.delete([OTA_ACKS.name])
    prepare(kafka, database)
    return before, admin.topic_ids([OTA_ACKS.name])[OTA_ACKS.name]


def test_a_topic_made_again_while_the_sink_is_down_is_refused(log: Settings) -> None:
    publish(log.kafka, "first")
    with running(log):
        acks(log.clickhouse, HELD)
    before, after = make_again(log.kafka, log.clickhouse)
    publish(log.kafka, "second", 2 * HELD)
    with running(log) as sink:
        error = sink.failed(30)
    assert isinstance(error, LedgerError)
    assert before in str(error)
    assert after in str(error)
    assert acks(log.clickhouse, HELD) == Count(HELD, HELD, HELD)


def test_a_topic_made_again_while_the_sink_runs_is_not_mixed_in(log: Settings) -> None:
    publish(log.kafka, "first")
    with running(log) as sink:
        acks(log.clickhouse, HELD)
        make_again(log.kafka, log.clickhouse)
        publish(log.kafka, "second", 2 * HELD)
        error = sink.failed(60)
    assert isinstance(error, (LogReadError, LedgerError)), error
    assert OTA_ACKS.name in str(error)
    assert acks(log.clickhouse, HELD) == Count(HELD, HELD, HELD)


def test_a_record_of_ten_megabytes_stops_the_sink_until_its_letter_has_room(log: Settings) -> None:
    admin = Admin(log.kafka)
    admin.set_config(OTA_ACKS.name, ROOM)
    publish(log.kafka, "before")
    body = random.Random(7).randbytes(LONG)  # which no compression makes smaller
    with Publisher(log.kafka, CODEC, "long", longest_bytes=2 * LONG) as publisher:
        publisher.publish_bytes(OTA_ACKS, b"dev-000001", body)
        publisher.flush()
    publish(log.kafka, "behind")
    with running(log) as sink:
        error = sink.failed(60)
    assert isinstance(error, DeliveryError)
    assert f"topic {DEAD_LETTERS.name}" in str(error)
    assert "max.message.bytes" in str(error)
    admin.set_config(DEAD_LETTERS.name, ROOM)
    with running(log):
        assert acks(log.clickhouse, 2 * HELD) == Count(2 * HELD, 2 * HELD, 2 * HELD)
        found = counted_until(log.clickhouse, lambda counts: counts[DEAD_LETTERS.name].rows > 0)
    assert found[DEAD_LETTERS.name] == Count(1, 1, 1)
    with native(log.clickhouse) as client:
        assert client.execute("SELECT length(body) FROM dead_letters") == [(LONG,)]
