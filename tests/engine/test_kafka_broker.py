"""The real Kafka starts, keeps what it took over a kill -9, and stamps what it takes."""

import uuid

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from infra.kafka.admin import Admin
from schemas.topics import MODEL_RELEASES
from tests.engines import CrashableBroker

pytestmark = [pytest.mark.engine, pytest.mark.kafka]


def test_records_stay_over_a_kill(kafka_broker: CrashableBroker) -> None:
    topic = f"t-{uuid.uuid4().hex}"
    Admin(kafka_broker.settings).create(topic, 1, 1, {})
    producer = Producer({**kafka_broker.settings.client_config(), "enable.idempotence": True})
    for number in range(1000):
        producer.produce(topic, value=str(number).encode())
    assert producer.flush(30) == 0
    kafka_broker.kill()
    kafka_broker.start()
    assert Admin(kafka_broker.settings).end_offsets([topic]) == {(topic, 0): 1000}


def test_a_record_is_stamped_with_the_time_of_the_broker(kafka_broker: CrashableBroker) -> None:
    topic = f"t-{uuid.uuid4().hex}"
    Admin(kafka_broker.settings).create(topic, 1, 1, MODEL_RELEASES.kafka_config())
    producer = Producer(kafka_broker.settings.client_config())
    producer.produce(topic, value=b"x", timestamp=1_000)
    assert producer.flush(30) == 0
    consumer = Consumer({**kafka_broker.settings.client_config(), "group.id": topic})
    consumer.assign([TopicPartition(topic, 0, 0)])
    message = consumer.poll(30)
    consumer.close()
    assert message is not None
    assert message.timestamp()[1] > 1_000
