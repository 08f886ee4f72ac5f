"""ClickHouse killed under the sink: it waits, holds bounded memory, and doubles nothing."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from consumers.clickhouse.census import Count
from consumers.clickhouse.client import native
from consumers.clickhouse.metrics import METRICS
from consumers.clickhouse.patience import GiveUpError
from consumers.clickhouse.startup import NotReadyError
from infra.kafka.admin import Admin
from infra.kafka.publisher import Publisher
from infra.settings import ClickHouseSettings, KafkaSettings
from infra.stack.clickhouse import ClickHouseServer
from infra.stack.ports import free_port
from infra.stack.supervisor import Supervisor
from infra.stack.tansu import TansuBroker
from infra.topics import apply_all
from schemas.topics import INFERENCE_EVENTS
from tests import factories
from tests.sinks import RunningSink, counted_until, prepare, publishing, running, settings_for

pytestmark = pytest.mark.engine


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[KafkaSettings]:
    """A broker of the test's own: the sink reads every topic there is."""
    with Supervisor(tmp_path) as supervisor:
        broker = TansuBroker(supervisor)
        broker.start()
        yield broker.settings


def publish(publisher: Publisher, mark: str, count: int) -> None:
    for number in range(count):
        device = f"{mark}-{number % 20}"
        publisher.publish(
            INFERENCE_EVENTS,
            factories.inference_event(event_id=f"{device}/1/{number}", device_id=device),
        )
    publisher.flush()


def rows(counts: Mapping[str, Count]) -> int:
    return counts[INFERENCE_EVENTS.name].rows


def at_least(count: int) -> Callable[[Mapping[str, Count]], bool]:
    return lambda counts: rows(counts) >= count


def rolled_up_until(clickhouse: ClickHouseSettings, windows: int) -> None:
    """Wait for the rollup: a torn insert has its rows at once and its rollup with the retry."""
    deadline = time.monotonic() + 20
    with native(clickhouse) as client:
        while time.monotonic() < deadline:
            if client.execute("SELECT sum(windows) FROM latency_minutes") >= [(windows,)]:
                return
            time.sleep(0.1)


def test_killed_in_mid_insert_three_times_table_and_rollup_stay_exact(
    kafka: KafkaSettings, database: ClickHouseSettings, clickhouse_server: ClickHouseServer
) -> None:
    prepare(kafka, database)
    sent = 0
    with running(settings_for(kafka, database, "killed", max_age_s=0.05)), publishing(kafka) as out:
        for number in range(3):
            publish(out, f"round-{number}", 1_500)
            sent += 1_500
            counted_until(database, at_least(sent - 1_400))
            clickhouse_server.kill()
            time.sleep(0.3)
            clickhouse_server.start()
        counts = counted_until(database, at_least(sent))
        rolled_up_until(database, sent)
    assert counts[INFERENCE_EVENTS.name] == Count(sent, sent, sent)
    with native(database) as client:
        ((windows, due),) = client.execute(
            "SELECT sum(windows), sum(expected) FROM latency_minutes"
        )
    assert (windows, due) == (sent, sent * factories.inference_event().expected)


def test_while_it_is_down_memory_is_bounded_and_polling_goes_on(
    kafka: KafkaSettings, database: ClickHouseSettings, clickhouse_server: ClickHouseServer
) -> None:
    prepare(kafka, database)
    limit = 1 << 20
    settings = settings_for(kafka, database, "down", max_memory_bytes=limit)
    with running(settings), publishing(kafka) as out:
        publish(out, "before", 100)
        counted_until(database, at_least(100))
        clickhouse_server.kill()
        try:
            publish(out, "during", 12_000)
            held = highest_held(seconds=4.0)
        finally:
            clickhouse_server.start()
        counts = counted_until(database, at_least(12_100))
    # One turn of the loop may go over the limit before the partitions are paused.
    assert limit <= held < limit + 10_000 * 1_000
    assert counts[INFERENCE_EVENTS.name] == Count(12_100, 12_100, 12_100)


def highest_held(seconds: float) -> float:
    deadline = time.monotonic() + seconds
    held = 0.0
    while time.monotonic() < deadline:
        held = max(held, METRICS.waiting_bytes._value.get())
        time.sleep(0.05)
    return held


def test_a_clickhouse_that_never_answers_ends_the_sink_with_the_limit_named(
    kafka: KafkaSettings, clickhouse: ClickHouseSettings
) -> None:
    apply_all(Admin(kafka))
    nobody = clickhouse.model_copy(update={"http_port": free_port()})
    sink = RunningSink(settings_for(kafka, nobody, "nobody", give_up_after_s=1.0))
    sink.start()
    failure = sink.failed(20)
    assert isinstance(failure, GiveUpError)
    assert "FLEETLOOP_SINK__GIVE_UP_AFTER_S=1" in str(failure)
    assert "does not answer" in str(failure)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("DROP TABLE alerts", r"alerts is missing: run `fleetloop clickhouse apply`"),
        ("ALTER TABLE devices DROP COLUMN consent_compute", r"column consent_compute is None"),
        (
            "ALTER TABLE ota_acks MODIFY SETTING non_replicated_deduplication_window = 10",
            r"ota_acks: non_replicated_deduplication_window is 10",
        ),
        (
            "ALTER TABLE latency_minutes MODIFY SETTING non_replicated_deduplication_window = 0",
            r"latency_minutes: non_replicated_deduplication_window is 0",
        ),
        (
            "CREATE MATERIALIZED VIEW s TO sums AS SELECT device_id, 1 AS n FROM ota_acks",
            r"rollup sums: a repeated insert would count twice in column n .*Let view s also",
        ),
    ],
)
def test_an_unsafe_database_is_refused_at_the_start(
    kafka: KafkaSettings, database: ClickHouseSettings, damage: str, message: str
) -> None:
    prepare(kafka, database)
    with native(database) as client:
        client.execute(
            "CREATE TABLE sums (device_id String, n SimpleAggregateFunction(sum, UInt64)) "
            "ENGINE = AggregatingMergeTree ORDER BY device_id "
            "SETTINGS non_replicated_deduplication_window = 10000"
        )
        client.execute(damage)
    sink = RunningSink(settings_for(kafka, database, "unsafe"))
    sink.start()
    failure = sink.failed(20)
    assert isinstance(failure, NotReadyError)
    assert re.search(message, str(failure))
