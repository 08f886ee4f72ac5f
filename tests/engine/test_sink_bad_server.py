"""A ClickHouse that cannot take an insert: waited for, or a stop that says what to do."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from consumers.clickhouse.client import native
from consumers.clickhouse.delivery import Delivery, Job, Outcome
from consumers.clickhouse.faults import Fault
from consumers.clickhouse.lanes import Closed
from consumers.clickhouse.leases import lease
from consumers.clickhouse.ledger import Pending, token
from consumers.clickhouse.patience import GiveUpError, Patience
from consumers.clickhouse.preparation import Preparation
from consumers.clickhouse.server import (
    INSERT_SETTINGS,
    Server,
    ServerError,
    _insert_statement,
    _stream,
    query_id,
)
from consumers.clickhouse.startup import check
from infra.clickhouse.migrate import apply
from infra.kafka.message_columns import MessageColumns
from infra.kafka.messages import RawMessage
from infra.settings import ClickHouseSettings
from infra.stack.clickhouse import ClickHouseServer
from infra.stack.supervisor import Supervisor
from schemas.registry import FileRegistry
from schemas.topics import INFERENCE_EVENTS
from tests import factories
from tests.sinks import CODEC

pytestmark = pytest.mark.engine

PREPARATION = Preparation(FileRegistry(), [INFERENCE_EVENTS])
MAPPING = PREPARATION.mappings[INFERENCE_EVENTS.name]
SOURCE = (INFERENCE_EVENTS.name, 0)


class Bench:
    """A sink's writing half before one database."""

    def __init__(self, settings: ClickHouseSettings) -> None:
        self.settings = settings
        self.server = Server(settings)
        self._settling = check(self.server, PREPARATION.mappings.values())

    def delivery(self, patience_s: float = 60.0) -> Delivery:
        no_letters: Any = object()
        patience, stopping = Patience(patience_s), threading.Event()
        return Delivery(self.server, self._settling, PREPARATION, no_letters, patience, stopping)

    def counts(self) -> tuple[int, int, int]:
        """Rows, different offsets, windows in the rollup; without FINAL."""
        with native(self.settings) as client:
            ((rows, offsets),) = client.execute(
                "SELECT count(), uniqExact(_offset) FROM inference_events"
            )
            ((windows,),) = client.execute("SELECT sum(windows) FROM latency_minutes")
        return rows, offsets, windows

    def later(self, job: Job) -> "Later":
        return Later(self.delivery(), job, lease(self.server))


class Later(threading.Thread):
    """A delivery on its way."""

    def __init__(self, delivery: Delivery, *args: Any) -> None:
        super().__init__()
        self._delivery, self._args = delivery, args
        self.outcome: Outcome | Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            self.outcome = self._delivery.deliver(*self._args)
        except (ServerError, GiveUpError) as error:
            self.outcome = error


def job(count: int, *, first: int = 0, replayed: bool = False) -> Job:
    now_us = time.time_ns() // 1_000
    messages = tuple(
        RawMessage(*SOURCE, first + number, now_us, b"k", encoded(first + number), ())
        for number in range(count)
    )
    closed = Closed.of(MessageColumns.of(messages))
    return Job(SOURCE, "Tx", closed, Pending(closed.range, count, 0) if replayed else None)


def encoded(number: int) -> bytes:
    return CODEC.encode(INFERENCE_EVENTS, factories.inference_event(event_id=f"d/1/{number}"))


@pytest.fixture
def bench(database: ClickHouseSettings) -> Iterator[Bench]:
    apply(database)
    made = Bench(database)
    yield made
    made.server.close()


@pytest.mark.parametrize(
    ("damage", "repair"),
    [
        (
            "ALTER TABLE inference_events DROP COLUMN flips",
            "ALTER TABLE inference_events ADD COLUMN flips Int32 AFTER classes",
        ),
        (
            "ALTER TABLE inference_events MODIFY COLUMN latency_counts Array(String)",
            "ALTER TABLE inference_events MODIFY COLUMN latency_counts Array(Int32)",
        ),
        ("RENAME TABLE inference_events TO away", "RENAME TABLE away TO inference_events"),
        ("RENAME TABLE latency_minutes TO away", "RENAME TABLE away TO latency_minutes"),
        (
            "ALTER TABLE latency_minutes MODIFY SETTING table_readonly = 1",
            "ALTER TABLE latency_minutes MODIFY SETTING table_readonly = 0",
        ),
    ],
    ids=["column dropped", "wrong type", "table renamed", "rollup renamed", "rollup read-only"],
)
def test_a_table_that_was_altered_stops_with_what_to_do_and_goes_on_when_it_is_mended(
    bench: Bench, damage: str, repair: str
) -> None:
    delivery = bench.delivery()
    assert delivery.deliver(job(50), lease(bench.server)) is Outcome.WRITTEN
    with native(bench.settings) as client:
        client.execute(damage)
        stopped = job(50, first=50)
        with pytest.raises(ServerError, match="fleetloop clickhouse plan") as refused:
            delivery.deliver(stopped, lease(bench.server))
        assert refused.value.fault is Fault.STOP
        client.execute(repair)
    again = Job(SOURCE, "Tx", stopped.closed, Pending(stopped.closed.range, 50, 0))
    assert delivery.deliver(again, lease(bench.server)) is Outcome.WRITTEN
    assert bench.counts() == (100, 100, 100)


@pytest.mark.parametrize("count", [50, 3_000], ids=["not yet a query", "a query that runs"])
def test_a_body_that_stalls_never_doubles(bench: Bench, count: int) -> None:
    """Half a body is on the server when another process takes the range over.

    The server begins a query when it has read 256 KiB or all of it: from then on the other waits.
    """
    stalled = job(count)
    prepared = PREPARATION.prepare(*SOURCE, "Tx", stalled.closed)
    body = _stream(prepared.rows)
    mark = token("Tx", 0, stalled.closed.range, MAPPING.table)
    deadline_s = lease(bench.server).deadline_s
    go_on = threading.Event()
    answers: list[int] = []

    def halves() -> Iterator[bytes]:
        yield body[: len(body) // 2]
        go_on.wait(30)
        yield body[len(body) // 2 :]

    def post() -> None:
        params = {
            **INSERT_SETTINGS,
            "database": bench.settings.database,
            "query": _insert_statement(MAPPING, MAPPING.table, deadline_s),
            "insert_deduplication_token": mark,
            "query_id": query_id(mark),
        }
        url = f"http://{bench.server.address}/?{urlencode(params)}"
        answers.append(httpx.post(url, content=halves(), timeout=60).status_code)

    zombie = threading.Thread(target=post)
    zombie.start()
    time.sleep(1.0)
    pending = Pending(stalled.closed.range, count, 0)
    successor = bench.later(Job(SOURCE, "Tx", stalled.closed, pending))
    successor.join(3)
    assert successor.is_alive() == (count > 50), successor.outcome
    go_on.set()
    zombie.join(30)
    successor.join(30)
    assert answers == [200]
    assert successor.outcome is Outcome.WRITTEN
    assert bench.counts() == (count, count, count)


def test_a_body_that_stalls_past_its_lease_stores_nothing(bench: Bench) -> None:
    late = job(50)
    body = _stream(PREPARATION.prepare(*SOURCE, "Tx", late.closed).rows)
    deadline_s = lease(bench.server).deadline_s - 58

    def halves() -> Iterator[bytes]:
        yield body[: len(body) // 2]
        time.sleep(4.0)
        yield body[len(body) // 2 :]

    params = {
        **INSERT_SETTINGS,
        "database": bench.settings.database,
        "query": _insert_statement(MAPPING, MAPPING.table, deadline_s),
        "insert_deduplication_token": "late",
    }
    url = f"http://{bench.server.address}/?{urlencode(params)}"
    answer = httpx.post(url, content=halves(), timeout=60)
    assert "lease expired" in answer.text
    assert bench.counts() == (0, 0, 0)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 200 MiB."""
    if os.geteuid() != 0 or sys.platform != "linux":
        pytest.skip("mounting a small tmpfs needs root on Linux")
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", str(disk)]
    if subprocess.run(command, check=False).returncode != 0:
        pytest.skip("this container may not mount a tmpfs")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_is_waited_for_and_ends_exact(small_disk: Path, tmp_path: Path) -> None:
    with Supervisor(tmp_path / "logs") as supervised:
        engine = ClickHouseServer(supervised, small_disk / "clickhouse")
        engine.start()
        apply(engine.settings)
        bench = Bench(engine.settings)
        assert bench.delivery().deliver(job(50), lease(bench.server)) is Outcome.WRITTEN
        ballast = small_disk / "ballast"
        with ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"\0" * 4_096)
            except OSError:
                pass
        waiting = bench.later(job(500, first=50))
        time.sleep(2.0)
        assert waiting.is_alive(), "it waits for room"
        ballast.unlink()
        waiting.join(30)
        assert waiting.outcome is Outcome.WRITTEN
        assert bench.counts() == (550, 550, 550)
        bench.server.close()
