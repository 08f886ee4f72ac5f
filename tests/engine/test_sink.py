"""The sink on a real broker and a real ClickHouse: each record once, each bad one a letter once."""

import hashlib
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from consumers.clickhouse.census import Count, census
from consumers.clickhouse.client import native
from infra.kafka.admin import Admin
from infra.kafka.follower import Follower
from infra.settings import ClickHouseSettings, KafkaSettings
from infra.stack.kafka_broker import KafkaBroker
from infra.stack.supervisor import Supervisor
from infra.stack.tansu import TansuBroker
from schemas.framing import frame
from schemas.registry import FileRegistry
from schemas.topics import DEAD_LETTERS, INCIDENTS, INFERENCE_EVENTS, OTA_ACKS, TOPICS
from tests import factories
from tests.sinks import CODEC, counted_until, prepare, publishing, running, settings_for

pytestmark = pytest.mark.engine

EACH = 40


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[KafkaSettings]:
    """A broker of the test's own: the sink reads every topic there is."""
    with Supervisor(tmp_path) as supervisor:
        broker = TansuBroker(supervisor)
        broker.start()
        yield broker.settings


def publish_examples(kafka: KafkaSettings, mark: str, count: int) -> None:
    with publishing(kafka) as publisher:
        for topic, example in factories.EXAMPLES.items():
            for number in range(count):
                record = example(event_id=f"{mark}/{topic}/{number}")
                publisher.publish(TOPICS[topic], record)
        publisher.flush()


def test_every_topic_is_stored_once(kafka: KafkaSettings, database: ClickHouseSettings) -> None:
    prepare(kafka, database)
    publish_examples(kafka, "first", EACH)
    settings = settings_for(kafka, database, "every-topic")
    with running(settings):
        publish_examples(kafka, "second", EACH)
        counts = counted_until(
            database, lambda counts: all(count.rows >= 2 * EACH for count in counts.values())
        )
    for topic, count in counts.items():
        assert (count.rows, count.events, count.places) == (2 * EACH,) * 3, topic


def test_bad_records_are_letters_once_and_nothing_else_is(
    kafka: KafkaSettings, database: ClickHouseSettings
) -> None:
    prepare(kafka, database)
    registry = FileRegistry()
    good_id = registry.schema_id(OTA_ACKS.name)
    bad = {
        "FRAMING": b"\xffnot avro",
        "UNKNOWN_SCHEMA": frame(7, b"\x00"),
        "AVRO": frame(good_id, b"\x02"),
        "INVALID": CODEC.encode(
            INFERENCE_EVENTS, factories.inference_event(event_id="bad/late", late=-1)
        ),
    }
    with publishing(kafka) as publisher:
        for number in range(20):
            publisher.publish(OTA_ACKS, factories.ota_ack(event_id=f"good/{number}"))
            if number == 10:
                for name, value in bad.items():
                    topic = INFERENCE_EVENTS if name == "INVALID" else OTA_ACKS
                    publisher.publish_bytes(
                        topic, b"dev-000001", value, headers=[("h", name.encode())]
                    )
        publisher.flush()
    with running(settings_for(kafka, database, "bad-records")):
        counted_until(database, lambda counts: counts[DEAD_LETTERS.name].events >= len(bad))
        counts = census(database)
    assert counts[OTA_ACKS.name] == Count(20, 20, 20)
    assert counts[INFERENCE_EVENTS.name].rows == 0
    assert counts[DEAD_LETTERS.name] == Count(len(bad), len(bad), len(bad))
    letters = {fact.record.error_class: fact.record for fact in read_letters(kafka)}
    assert {name: letter.body for name, letter in letters.items()} == bad
    for name, letter in letters.items():
        assert letter.headers == {"h": name.encode()}
        assert (letter.stage, letter.key, letter.attempt) == ("sink", b"dev-000001", 1)
        assert letter.topic_id == Admin(kafka).topic_ids([letter.topic])[letter.topic]
    assert letters["INVALID"].field == "late"
    assert "-1" in letters["INVALID"].reason
    assert letters["AVRO"].schema_id == good_id


def read_letters(kafka: KafkaSettings) -> list[Any]:
    follower = Follower(kafka, CODEC, [DEAD_LETTERS])
    try:
        return list(follower.catch_up(20))
    finally:
        follower.close()


@pytest.mark.kafka
def test_the_longest_record_that_is_refused_still_fits_into_a_letter(
    kafka_broker: KafkaBroker, database: ClickHouseSettings
) -> None:
    """Random bytes, which no compression makes smaller, at the broker's limit for other topics."""
    kafka = kafka_broker.settings
    prepare(kafka, database)
    mark = f"longest-{time.time_ns()}"
    body = random.Random(7).randbytes(1_048_000)
    with publishing(kafka) as publisher:
        publisher.publish_bytes(INCIDENTS, mark.encode(), body)
        publisher.flush()
    with running(settings_for(kafka, database, mark)), native(database) as client:
        deadline = time.monotonic() + 60
        found: list[tuple[Any, ...]] = []
        while not found and time.monotonic() < deadline:
            time.sleep(0.3)
            found = client.execute(
                "SELECT length(body), hex(SHA256(body)) FROM dead_letters WHERE key = {key:String}",
                {"key": mark},
            )
    assert found == [(len(body), hashlib.sha256(body).hexdigest().upper())]
