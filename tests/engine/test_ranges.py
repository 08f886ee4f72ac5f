"""Exact ranges of the log: all of them in order, or an error that names the range."""

import time
import uuid
from dataclasses import replace

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from infra.kafka.admin import Admin, UnknownTopicError
from infra.kafka.errors import LogChangedError
from infra.kafka.publisher import Publisher
from infra.kafka.ranges import RangeReader, RangeUnreadableError
from infra.settings import KafkaSettings
from schemas.codec import Codec
from schemas.records import OffsetRange
from schemas.registry import FileRegistry
from schemas.topics import EDGE_CASES, TopicSpec
from tests.engines import CrashableBroker

pytestmark = pytest.mark.engine

RECORDS = 5_000


def filled(kafka: KafkaSettings) -> TopicSpec:
    """A topic of two partitions with records in the first."""
    topic = replace(EDGE_CASES, name=f"ranges-{uuid.uuid4().hex[:8]}", partitions=2)
    Admin(kafka).create(topic.name, topic.partitions, 1, {})
    with Publisher(kafka, Codec(FileRegistry()), "test") as publisher:
        for at in range(RECORDS):
            publisher.publish_bytes(topic, b"k", b"%d" % at, partition=0)
    return topic


@pytest.fixture(scope="module")
def topic(broker: KafkaSettings) -> TopicSpec:
    return filled(broker)


def offsets(reader: RangeReader, *ranges: OffsetRange) -> list[int]:
    return [raw.offset for raw in reader.read(ranges)]


def test_what_is_held_is_read_whole_and_in_order(broker: KafkaSettings, topic: TopicSpec) -> None:
    reader = RangeReader(broker)
    held = reader.held([topic.name])
    ids = Admin(broker).topic_ids([topic.name])
    assert [(s.partition, s.first_offset, s.last_offset) for s in held] == [
        (0, 0, RECORDS - 1),
        (1, 0, -1),
    ]
    assert {span.topic_id for span in held} == set(ids.values())
    found = list(reader.read(held))
    assert [raw.value for raw in found] == [b"%d" % at for at in range(RECORDS)]


@pytest.mark.parametrize(("first", "last"), [(0, 0), (17, 2_345), (4_999, 4_999), (5, 4)])
def test_a_range_is_exactly_its_records(
    broker: KafkaSettings, topic: TopicSpec, first: int, last: int
) -> None:
    reader = RangeReader(broker)
    span = replace(reader.held([topic.name])[0], first_offset=first, last_offset=last)
    again = replace(span, first_offset=3, last_offset=7)
    assert offsets(reader, span, again) == [*range(first, last + 1), 3, 4, 5, 6, 7]
    assert offsets(reader) == []


def test_an_end_that_never_comes_is_an_error(broker: KafkaSettings, topic: TopicSpec) -> None:
    reader = RangeReader(broker, timeout_s=1.0)
    span = replace(reader.held([topic.name])[0], first_offset=4_990, last_offset=RECORDS)
    taken: list[int] = []
    with pytest.raises(RangeUnreadableError, match=rf"{topic.name}/0 \[4990, 5000\]: .*5000"):
        taken.extend(raw.offset for raw in reader.read([span]))


def test_a_range_of_another_log_of_that_name_is_not_read(
    broker: KafkaSettings, topic: TopicSpec
) -> None:
    reader = RangeReader(broker)
    span = replace(reader.held([topic.name])[0], topic_id="older")
    with pytest.raises(LogChangedError, match=r"of the log older.*deleted and made again"):
        offsets(reader, span)
    with pytest.raises(UnknownTopicError, match="nosuch"):
        offsets(reader, replace(span, topic="nosuch"))


def test_a_slow_taker_gets_all_the_same(broker: KafkaSettings, topic: TopicSpec) -> None:
    """The time that the caller takes is not the broker's."""
    reader = RangeReader(broker, timeout_s=1.0)
    messages = reader.read(reader.held([topic.name]))
    assert next(messages).offset == 0
    time.sleep(1.5)
    assert [raw.offset for raw in messages] == list(range(1, RECORDS))


def without_the_oldest(kafka: KafkaSettings, topic: TopicSpec, before: int) -> None:
    """Retention, done by hand."""
    client = AdminClient(kafka.client_config())
    for future in client.delete_records([TopicPartition(topic.name, 0, before)]).values():
        future.result(timeout=15)


@pytest.mark.kafka
def test_a_range_that_begins_before_the_log_is_an_error_at_once(
    kafka_broker: CrashableBroker,
) -> None:
    kafka = kafka_broker.settings
    topic = filled(kafka)
    reader = RangeReader(kafka)
    whole = reader.held([topic.name])[0]
    without_the_oldest(kafka, topic, 100)
    began = time.monotonic()
    with pytest.raises(RangeUnreadableError, match=rf"{topic.name}/0 \[0, 4999\]: .*out of range"):
        offsets(reader, whole)
    assert time.monotonic() - began < 10
    assert reader.held([topic.name])[0] == replace(whole, first_offset=100)
    assert offsets(reader, replace(whole, first_offset=100)) == list(range(100, RECORDS))
