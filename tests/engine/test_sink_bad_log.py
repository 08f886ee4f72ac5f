"""A log with holes by right is stored without them; a record that is too long never enters it."""

import time

import pytest
from confluent_kafka import Producer

from infra.kafka.errors import DeliveryError
from infra.settings import ClickHouseSettings
from infra.stack.kafka_broker import KafkaBroker
from schemas.topics import OTA_ACKS
from tests import factories
from tests.sinks import CODEC, counted_until, prepare, publishing, running, settings_for

pytestmark = [pytest.mark.engine, pytest.mark.kafka]


def test_aborted_records_and_markers_of_transactions_are_no_loss(
    kafka_broker: KafkaBroker, database: ClickHouseSettings
) -> None:
    kafka = kafka_broker.settings
    prepare(kafka, database)
    mark = f"holes-{time.time_ns()}"
    producer = Producer({**kafka.client_config(), "transactional.id": mark})
    producer.init_transactions(30)
    for number in range(30):
        producer.begin_transaction()
        record = factories.ota_ack(event_id=f"{mark}/1/{number}", device_id=mark)
        producer.produce(OTA_ACKS.name, CODEC.encode(OTA_ACKS, record), key=mark.encode())
        producer.flush(10)
        (producer.abort_transaction if number % 3 == 0 else producer.commit_transaction)(30)
    with running(settings_for(kafka, database, mark)):
        counts = counted_until(database, lambda found: found[OTA_ACKS.name].rows >= 20)
    assert counts[OTA_ACKS.name].rows == counts[OTA_ACKS.name].places
    assert counts[OTA_ACKS.name].events >= 20


def test_a_record_of_ten_megabytes_is_refused_by_name_before_the_log(
    kafka_broker: KafkaBroker, database: ClickHouseSettings
) -> None:
    prepare(kafka_broker.settings, database)
    with publishing(kafka_broker.settings) as publisher:
        with pytest.raises(DeliveryError, match=r"ota-acks.*(?i:too large|size)"):
            publisher.publish_bytes(OTA_ACKS, b"k", bytes(10 << 20))
        publisher.flush()  # nothing of it is left to send
