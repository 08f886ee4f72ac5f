"""Ranges of a real Kafka where transactions leave offsets without a record."""

import time
import uuid
from dataclasses import replace

import pytest
from confluent_kafka import Producer

from infra.kafka.admin import Admin
from infra.kafka.positions import committed
from infra.kafka.ranges import RangeReader
from infra.settings import KafkaSettings
from tests.engines import CrashableBroker

pytestmark = [pytest.mark.engine, pytest.mark.kafka]


@pytest.fixture
def topic(kafka_broker: CrashableBroker) -> str:
    """Three records, an aborted transaction of two, one record, an aborted one."""
    name = f"transactions-{uuid.uuid4().hex[:8]}"
    kafka = kafka_broker.settings
    Admin(kafka).create(name, 1, 1, {})
    producer = Producer({**kafka.client_config(), "transactional.id": name})
    producer.init_transactions(10)
    for count, kept in ((3, True), (2, False), (1, True), (1, False)):
        producer.begin_transaction()
        for _ in range(count):
            producer.produce(name, b"x", partition=0)
        if kept:
            producer.commit_transaction(10)
        else:
            producer.flush()
            producer.abort_transaction(10)
    return name


def read(kafka: KafkaSettings, topic: str, first: int, last: int) -> list[int]:
    reader = RangeReader(kafka, timeout_s=5.0)
    (held,) = reader.held([topic])
    span = replace(held, first_offset=first, last_offset=last)
    return [raw.offset for raw in reader.read([span])]


def test_offsets_without_a_record_are_passed_over_at_the_end_too(
    kafka_broker: CrashableBroker, topic: str
) -> None:
    """Offsets 3, 6, 8 and 10 end transactions; 4, 5 and 9 were aborted."""
    kafka = kafka_broker.settings
    started = time.monotonic()
    assert read(kafka, topic, 0, 10) == [0, 1, 2, 7]
    assert read(kafka, topic, 1, 2) == [1, 2]
    assert read(kafka, topic, 3, 6) == []
    assert read(kafka, topic, 8, 10) == []
    assert time.monotonic() - started < 5.0


def test_a_group_that_committed_nothing_has_no_positions(
    kafka_broker: CrashableBroker, topic: str
) -> None:
    found = committed(kafka_broker.settings, f"nobody-{topic}", [(topic, 0)])
    assert [at.offset for at in found.values()] == [None]
