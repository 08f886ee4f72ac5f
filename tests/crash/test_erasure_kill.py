"""kill -9 of the erasure worker at each named point, on a real Kafka: another ends its work."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from consumers.clickhouse.client import Native, native
from consumers.erasure.steps import Progress, completed, progress
from infra.clickhouse.verify import verify
from infra.erasures import order
from infra.kafka.ranges import RangeReader
from infra.objects import ObjectMissingError, ObjectStore
from infra.settings import ClickHouseSettings, Settings
from infra.stack.kafka_broker import KafkaBroker
from schemas.erasures import OF_DEVICES
from schemas.topics import DEVICES, ERASURES
from tests.crash.erasure_process import Point
from tests.crash.forked import Forked
from tests.erasing import (
    GONE,
    KEPT,
    merge_rollups,
    publish_life,
    rows_of,
    store_strips,
    tables_that_tell,
)
from tests.sinks import prepare, publishing, running, settings_for
from tests.waiting import until

# Sixteen processes of a worker, one after the other.
pytestmark = [
    pytest.mark.engine,
    pytest.mark.kafka,
    pytest.mark.crash,
    pytest.mark.timeout(600),
]

LIFE_ROWS = 8
POINTS = [point for point in Point if point is not Point.NEVER]


@contextmanager
def worker(point: Point, settings: Settings, log: Path) -> Iterator[Forked]:
    """A worker process that is gone after the block."""
    clickhouse = settings.clickhouse
    environment = os.environ | {
        "FLEETLOOP_KAFKA__BOOTSTRAP": settings.kafka.bootstrap,
        "FLEETLOOP_CLICKHOUSE__HOST": clickhouse.host,
        "FLEETLOOP_CLICKHOUSE__TCP_PORT": str(clickhouse.tcp_port),
        "FLEETLOOP_CLICKHOUSE__HTTP_PORT": str(clickhouse.http_port),
        "FLEETLOOP_CLICKHOUSE__DATABASE": clickhouse.database,
        "FLEETLOOP_SINK__GROUP": settings.sink.group,
        "FLEETLOOP_OBJECTS_URL": settings.objects_url,
    }
    child = Forked("tests.crash.erasure_process", point, environment=environment, log=log)
    try:
        yield child
    finally:
        child.end()


def killed_and_ended(
    point: Point, settings: Settings, client: Native, device: str, log: Path
) -> Progress:
    """Order an erasure, let a worker die at it, and another one end it."""
    erasure = order(device, by="alice", reason="asked", now_us=1)
    with publishing(settings.kafka) as publisher:
        publisher.publish(ERASURES, erasure)
    with worker(point, settings, log) as child:
        assert child.wait(60) == -signal.SIGKILL, (point, log.read_text()[-2_000:])
    assert erasure.event_id not in completed(client), point
    with worker(Point.NEVER, settings, log):
        until(lambda: erasure.event_id in completed(client), f"{point}: done", 60)
    return progress(client)[erasure.event_id]


def test_killed_anywhere_an_erasure_is_ended_by_the_next_worker(
    kafka_broker: KafkaBroker, database: ClickHouseSettings, tmp_path: Path
) -> None:
    """Each point has a device of its own; the one that stays is untouched by all of them."""
    prepare(kafka_broker.settings, database)
    settings = settings_for(kafka_broker.settings, database, f"erasure-{os.getpid()}")
    settings = settings.model_copy(update={"objects_url": f"file://{tmp_path}/objects"})
    objects = ObjectStore(settings.objects_url)
    devices = {point: f"{GONE}-{number}" for number, point in enumerate(POINTS)}
    strips = {point: store_strips(objects, point) for point in POINTS}
    with running(settings), native(database) as client:
        with publishing(settings.kafka) as publisher:
            for point, device in devices.items():
                publish_life(publisher, device, strips[point])
            publish_life(publisher, KEPT, strips[POINTS[0]])
        everybody = [*devices.values(), KEPT]
        until(lambda: sum(rows_of(client, d) for d in everybody) == LIFE_ROWS * 9, "all rows")
        merge_rollups(client)
        before = tables_that_tell(client, KEPT)
        for point, device in devices.items():
            found = killed_and_ended(point, settings, client, device, tmp_path / "workers.log")
            assert sum(found.records.values()) == LIFE_ROWS + 2, point
            assert len(found.step.objects) == (1 if point is POINTS[0] else 2), point
            assert tables_that_tell(client, device) == {}, point
            with pytest.raises(ObjectMissingError):
                objects.get(strips[point].gone.uri)
        merge_rollups(client)
        assert tables_that_tell(client, KEPT) == before
        assert objects.get(strips[POINTS[0]].both.uri)
    reader = RangeReader(settings.kafka)
    tombstones = {m.key for m in reader.read(reader.held([DEVICES.name])) if m.value is None}
    assert tombstones >= {device.encode() for device in devices.values()}
    assert [wrong for wrong in verify(settings).wrong if wrong.source[0] in OF_DEVICES] == []
