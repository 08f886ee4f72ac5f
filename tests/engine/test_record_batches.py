"""The worker on the embedded broker: exact through kills, rebalances, poison and failures."""

import asyncio
import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest

from infra.kafka.admin import Admin
from infra.kafka.publisher import Publisher
from infra.settings import KafkaSettings
from infra.stack.supervisor import Supervisor
from infra.stack.tansu import TansuBroker
from infra.topics import apply_all
from schemas.topics import INFERENCE_EVENTS
from streams import record_batches
from streams.app import create_app
from streams.fetched import FetchedBatch
from streams.processor import Source
from streams.record_batches import RecordBatchConsumer
from tests.summing import POISON_PRODUCED
from tests.worker_processes import CODEC, Site, site

pytestmark = pytest.mark.engine


@contextmanager
def broker(folder: Path) -> Iterator[KafkaSettings]:
    """An embedded broker of the test's own: its topics are those of the workers."""
    folder.mkdir()
    with Supervisor(folder) as running:
        embedded = TansuBroker(running)
        embedded.start()
        yield embedded.settings


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Site]:
    with broker(tmp_path / "broker") as kafka, site(kafka, tmp_path) as made:
        yield made


def test_two_workers_kills_and_rebalances_leave_sums_exact(place: Site) -> None:
    place.publish(5_000)
    first = place.start()
    place.wait_for_all()
    second = place.start()
    place.publish(10_000)
    first.send_signal(signal.SIGKILL)
    place.publish(5_000)
    place.wait_for_all()
    third = place.start()
    place.publish(5_000)
    second.send_signal(signal.SIGTERM)
    assert second.wait(15) == 0, place.said()
    place.publish(5_000)
    place.wait_for_all()
    third.send_signal(signal.SIGTERM)
    assert third.wait(15) == 0, place.said()
    assert place.totals() == place.expected()


def test_a_new_version_is_made_again_from_the_log(place: Site) -> None:
    place.publish(3_000)
    old = place.start("1")
    place.wait_for_all("1")
    old.send_signal(signal.SIGTERM)
    assert old.wait(15) == 0, place.said()
    place.start("2")
    place.wait_for_all("2")
    assert place.totals("2") == place.totals("1") == place.expected()
    assert place.orders("2") == place.orders("1")


def test_an_error_nobody_expected_stops_the_worker_before_anything_is_committed(
    place: Site,
) -> None:
    place.publish(1_000)
    worker = place.start("1", str(POISON_PRODUCED))
    place.wait_for_all()
    place.publish(0, extra=POISON_PRODUCED)
    assert worker.wait(20) == 1
    assert "worker stops: ZeroDivisionError: nobody expected this record" in place.said()
    assert place.totals() == place.expected()


def test_state_of_another_broker_is_refused(place: Site) -> None:
    place.publish(1_000)
    worker = place.start()
    place.wait_for_all()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(15) == 0, place.said()
    with (
        broker(place.folder / "other") as kafka,
        site(kafka, place.folder) as elsewhere,
    ):
        refused = elsewhere.start()
        assert refused.wait(20) == 1
        assert "OtherLogError" in elsewhere.said()


class Slow:
    """Folds slowly and keeps what it was given; reads every partition from its beginning."""

    def __init__(self) -> None:
        self.taken: list[FetchedBatch] = []
        self.peak = 0

    async def open(self, sources: Iterable[Source]) -> Mapping[Source, int]:
        return dict.fromkeys(sources, 0)

    def committable(self) -> Mapping[Source, int]:
        return {}

    async def take(self, batch: FetchedBatch, consumer: RecordBatchConsumer) -> None:
        await asyncio.sleep(0.01)
        self.peak = max(self.peak, consumer.held_bytes)
        self.taken.append(batch)


def test_a_slow_fold_holds_little_and_gets_keys_values_and_stamps_as_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_batches, "MAX_CALL_BYTES", 100_000)
    monkeypatch.setattr(record_batches, "MAX_HELD_BYTES", 200_000)
    body, count = b"\x00" * 10_000, 1_500
    slow = Slow()

    async def read(kafka: KafkaSettings) -> None:
        all_here = asyncio.Event()

        async def take(batch: FetchedBatch) -> None:
            await slow.take(batch, cast("RecordBatchConsumer", app.consumer))
            if sum(len(one.records) for one in slow.taken) >= count:
                all_here.set()

        app = create_app(
            kafka, "slow", [INFERENCE_EVENTS], positions=slow, take=take, datadir=str(tmp_path)
        )
        await app.start()
        async with asyncio.timeout(60):
            await all_here.wait()
        await app.stop()

    with broker(tmp_path / "broker") as kafka:
        apply_all(Admin(kafka))
        with Publisher(kafka, CODEC, "filler") as publisher:
            for at in range(count):
                name = str(at).encode()
                publisher.publish_bytes(
                    INFERENCE_EVENTS, name, body, headers=[("at", name), ("trace", b"")]
                )
        asyncio.run(read(kafka))
    keys = [int(key or b"") for batch in slow.taken for key in batch.records.keys]
    assert sorted(keys) == list(range(count))
    assert all(value == body for batch in slow.taken for value in batch.records.values)
    assert all((batch.records.stamps_ms > 0).all() for batch in slow.taken)
    assert all(batch.size >= 10_000 * len(batch.records) for batch in slow.taken)
    assert slow.peak <= 300_000 + 1_100_000  # a producer's record batch has at most 1 MB
    assert sum(batch.size for batch in slow.taken) > 10 * slow.peak
