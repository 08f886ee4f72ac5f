"""Two sinks of one group on a real Kafka: partitions move in mid-stream, and rows stay single."""

import time

import pytest

from consumers.clickhouse.client import native
from infra.settings import ClickHouseSettings
from infra.stack.kafka_broker import KafkaBroker
from schemas.topics import OTA_ACKS
from tests import factories
from tests.sinks import RunningSink, prepare, publishing, settings_for, stop_merges

pytestmark = [pytest.mark.engine, pytest.mark.kafka]

ROUNDS = 3
EACH = 400


def test_a_second_sink_joins_and_the_first_leaves(
    kafka_broker: KafkaBroker, database: ClickHouseSettings
) -> None:
    kafka = kafka_broker.settings.model_copy(update={"session_timeout_s": 3.0})
    prepare(kafka, database)
    stop_merges(database)
    mark = f"move-{time.time_ns()}"
    settings = settings_for(kafka, database, mark, max_age_s=0.05)
    first, second = RunningSink(settings), RunningSink(settings)
    first.start()
    with publishing(kafka) as publisher:
        for number in range(ROUNDS * EACH):
            device = f"{mark}-{number % 30}"
            event_id = f"{device}/1/{number}"
            publisher.publish(OTA_ACKS, factories.ota_ack(event_id=event_id, device_id=device))
            if number == EACH:
                second.start()
            if number == 2 * EACH:
                publisher.flush()
                wait_for(database, mark, EACH)
                first.stop()
            time.sleep(0.002)
        publisher.flush()
    try:
        assert wait_for(database, mark, ROUNDS * EACH) == (ROUNDS * EACH,) * 3
    finally:
        second.stop()


def wait_for(database: ClickHouseSettings, mark: str, rows: int) -> tuple[int, int, int]:
    """Rows, events and places of the test's devices, once there are enough."""
    deadline = time.monotonic() + 40
    with native(database) as client:
        while True:
            ((stored, events, places),) = client.execute(
                "SELECT count(), uniqExact(event_id), uniqExact(_topic_id, _partition, _offset) "
                "FROM ota_acks WHERE startsWith(device_id, {mark:String})",
                {"mark": mark},
            )
            if events >= rows or time.monotonic() > deadline:
                return stored, events, places
            time.sleep(0.2)
