"""Inserts torn by the server's death at each step: stored once in the table and in every rollup.

A server without replication notes a token and puts its part in place one after the other, for the
table and for each rollup. Every state it can die in is made by hand here: the note without the
part, the part without the note, and neither, for each of the three tables.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from consumers.clickhouse.client import native
from consumers.clickhouse.delivery import Delivery, Job, Outcome
from consumers.clickhouse.lanes import Closed
from consumers.clickhouse.leases import lease
from consumers.clickhouse.ledger import Pending
from consumers.clickhouse.patience import Patience
from consumers.clickhouse.preparation import Preparation
from consumers.clickhouse.server import Server
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
from tests.sink_kills import SECOND_ROLLUP
from tests.sinks import CODEC

pytestmark = pytest.mark.engine

PREPARATION = Preparation(FileRegistry(), [INFERENCE_EVENTS])
SOURCE = (INFERENCE_EVENTS.name, 0)
TABLES = ("inference_events", "latency_minutes", "windows_by_device")
EACH = 50
NO_MERGES = "max_bytes_to_merge_at_max_space_in_pool = 1"


class Left(StrEnum):
    """What is left of one table's share of an insert."""

    PART = "part without token"
    TOKEN = "token without part"  # noqa: S105 - of deduplication
    NOTHING = "nothing"


class Torn:
    """A ClickHouse of the test's own, whose files it may change while it is down."""

    def __init__(self, server: ClickHouseServer) -> None:
        self.server = server
        self._first = 0

    @property
    def settings(self) -> ClickHouseSettings:
        return self.server.settings

    def job(self) -> Job:
        """The next 50 events."""
        now_us = time.time_ns() // 1_000
        offsets = range(self._first, self._first + EACH)
        self._first += EACH
        messages = tuple(
            RawMessage(*SOURCE, offset, now_us, b"k", encoded(offset), ()) for offset in offsets
        )
        return Job(SOURCE, "Tx", Closed.of(MessageColumns.of(messages)))

    def deliver(self, job: Job) -> None:
        server = Server(self.settings)
        settling = check(server, PREPARATION.mappings.values())
        no_letters: Any = object()
        delivery = Delivery(
            server, settling, PREPARATION, no_letters, Patience(10.0), threading.Event()
        )
        assert delivery.deliver(job, lease(server)) is Outcome.WRITTEN
        server.close()

    def tear(self, state: Mapping[str, Left]) -> None:
        """Kill it and leave of each table's newest part what the state says."""
        found = {table: (self._folder_of(table), self._newest(table)) for table in state}
        self.server.kill()
        for table, left in state.items():
            folder, part = found[table]
            if left is not Left.PART:
                (folder / part).rename(folder / f"tmp_insert_{part}")
            if left is not Left.TOKEN:
                cut_last_line(folder / "deduplication_logs" / "deduplication_log_1.txt")
        self.server.start()

    def counts(self) -> tuple[int, int, int, int]:
        """Rows, different offsets, and the windows that each rollup counts; without FINAL."""
        with native(self.settings) as client:
            ((rows, offsets),) = client.execute(
                "SELECT count(), uniqExact(_offset) FROM inference_events"
            )
            ((latency,),) = client.execute("SELECT sum(windows) FROM latency_minutes")
            ((devices,),) = client.execute("SELECT sum(windows) FROM windows_by_device")
        return rows, offsets, latency, devices

    def _folder_of(self, table: str) -> Path:
        with native(self.settings) as client:
            (((path,),),) = client.execute(
                "SELECT data_paths FROM system.tables WHERE database = currentDatabase() "
                "AND name = {table:String}",
                {"table": table},
            )
        return Path(path)

    def _newest(self, table: str) -> str:
        with native(self.settings) as client:
            ((part,),) = client.execute(
                "SELECT argMax(name, max_block_number) FROM system.parts WHERE active "
                "AND database = currentDatabase() AND table = {table:String}",
                {"table": table},
            )
        return str(part)


def encoded(offset: int) -> bytes:
    event = factories.inference_event(event_id=f"d/1/{offset}", device_id=f"d{offset % 7}")
    return CODEC.encode(INFERENCE_EVENTS, event)


def cut_last_line(log: Path) -> None:
    lines = log.read_text().splitlines(keepends=True)
    log.write_text("".join(lines[:-1]))


@pytest.fixture(scope="module")
def torn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Torn]:
    folder = tmp_path_factory.mktemp("torn")
    with Supervisor(folder / "logs") as supervisor:
        server = ClickHouseServer(supervisor, folder / "clickhouse")
        server.start()
        apply(server.settings)
        with native(server.settings) as client:
            for statement in SECOND_ROLLUP.split(";"):
                client.execute(statement)
            for table in TABLES:  # a merge would hide a double, or the part that is to be lost
                client.execute(f"ALTER TABLE {table} MODIFY SETTING {NO_MERGES}")
        yield Torn(server)


def states() -> Iterator[dict[str, Left]]:
    """Every state that a death in mid-insert can leave behind, in the order of the writing."""
    for reached, table in enumerate(TABLES):
        rest = dict.fromkeys(TABLES[reached + 1 :], Left.NOTHING)
        yield {table: Left.PART, **rest}
        yield {table: Left.TOKEN, **rest}


@pytest.mark.parametrize("state", list(states()), ids=str)
def test_every_torn_state_is_made_whole(torn: Torn, state: dict[str, Left]) -> None:
    before = torn.counts()
    job = torn.job()
    torn.deliver(job)
    torn.tear(state)
    begun = Pending(job.closed.range, EACH, 0)
    torn.deliver(Job(SOURCE, "Tx", job.closed, replayed=begun))
    assert torn.counts() == tuple(count + EACH for count in before)


def test_a_view_altered_by_hand_gives_other_tokens_after_a_restart_and_still_counts_once(
    torn: Torn,
) -> None:
    """Measured on 26.9: this was the double count of rollups after the first restart."""
    with native(torn.settings) as client:
        ((select,),) = client.execute(
            "SELECT as_select FROM system.tables WHERE database = currentDatabase() "
            "AND name = 'windows_by_device_view'"
        )
        client.execute(f"ALTER TABLE windows_by_device_view MODIFY QUERY {select}")
    before = torn.counts()
    job = torn.job()
    torn.deliver(job)
    torn.tear({})
    job.doubtful = True
    torn.deliver(job)
    assert torn.counts() == tuple(count + EACH for count in before)
