"""One insert on a real ClickHouse: once for a token, never after its lease, around a bad row."""

import threading
import time
from collections.abc import Iterator, Sequence

import pytest

from consumers.clickhouse.client import native
from consumers.clickhouse.delivery import UNWRITABLE_LIMIT, Delivery, Job, Outcome
from consumers.clickhouse.faults import Fault
from consumers.clickhouse.lanes import Closed
from consumers.clickhouse.leases import WINDOW_BLOCKS, Lease, lease
from consumers.clickhouse.ledger import LedgerError, Pending
from consumers.clickhouse.patience import Patience
from consumers.clickhouse.preparation import Preparation
from consumers.clickhouse.server import Server, ServerError
from consumers.clickhouse.settling import Repeat
from consumers.clickhouse.startup import check
from infra.clickhouse.migrate import apply
from infra.kafka.message_columns import MessageColumns
from infra.kafka.messages import RawMessage
from infra.settings import ClickHouseSettings
from schemas.records import DeadLetter
from schemas.registry import FileRegistry
from schemas.topics import INFERENCE_EVENTS, TopicSpec
from tests import factories
from tests.sinks import CODEC, stop_merges

pytestmark = pytest.mark.engine

PREPARATION = Preparation(FileRegistry(), [INFERENCE_EVENTS])
SOURCE = (INFERENCE_EVENTS.name, 0)
DAY_US = 86_400_000_000


class Letters:
    """Keeps letters; what is flushed is safe."""

    def __init__(self) -> None:
        self.queued: list[DeadLetter] = []
        self.safe: list[DeadLetter] = []

    def publish(self, topic: TopicSpec, record: DeadLetter) -> None:
        assert topic.name == "dead-letters"
        self.queued.append(record)

    def flush(self) -> None:
        self.safe, self.queued = [*self.safe, *self.queued], []


@pytest.fixture
def server(database: ClickHouseSettings) -> Iterator[Server]:
    """A database with all tables, over HTTP."""
    apply(database)
    server = Server(database)
    check(server, PREPARATION.mappings.values())
    yield server
    server.close()


@pytest.fixture
def letters() -> Letters:
    return Letters()


@pytest.fixture
def delivery(server: Server, letters: Letters) -> Delivery:
    return Delivery(
        server,
        check(server, PREPARATION.mappings.values()),
        PREPARATION,
        letters,
        Patience(5.0),
        threading.Event(),
    )


def job(count: int, *, late: Sequence[int] = (), days: int = 1, first: int = 0) -> Job:
    """Events 0 to count - 1; those in `late` have `flips` 13."""
    now_us = time.time_ns() // 1_000
    messages = tuple(
        RawMessage(
            *SOURCE,
            first + number,
            now_us - (number % days) * DAY_US,
            b"k",
            CODEC.encode(
                INFERENCE_EVENTS,
                factories.inference_event(
                    event_id=f"d/1/{number}", flips=13 if number in late else 0
                ),
            ),
            (),
        )
        for number in range(count)
    )
    return Job(SOURCE, "Tx", Closed.of(MessageColumns.of(messages)))


def stored(database: ClickHouseSettings) -> tuple[int, int, int]:
    """Rows, different offsets, windows in the rollup."""
    with native(database) as client:
        ((rows, offsets),) = client.execute(
            "SELECT count(), uniqExact(_offset) FROM inference_events"
        )
        ((windows,),) = client.execute("SELECT sum(windows) FROM latency_minutes")
    return rows, offsets, windows


def test_the_same_range_delivered_again_changes_neither_table_nor_rollup(
    delivery: Delivery, server: Server, database: ClickHouseSettings
) -> None:
    stop_merges(database)
    again = job(1_000, days=3)
    for _ in range(3):
        assert delivery.deliver(again, lease(server)) is Outcome.WRITTEN
    assert stored(database) == (1_000, 1_000, 1_000)


def test_one_batch_is_one_block_for_each_table_partition(
    delivery: Delivery, server: Server, database: ClickHouseSettings
) -> None:
    stop_merges(database)
    assert delivery.deliver(job(20_000, days=2), lease(server)) is Outcome.WRITTEN
    with native(database) as client:
        parts = client.execute(
            "SELECT rows FROM system.parts WHERE active AND table = 'inference_events' "
            "AND database = currentDatabase()"
        )
    assert [rows for (rows,) in parts] == [10_000, 10_000]


def test_after_its_lease_the_server_refuses_and_stores_nothing(
    delivery: Delivery, server: Server, database: ClickHouseSettings
) -> None:
    late = job(100)
    over = Lease(lease(server).deadline_s - 120, {})
    assert delivery.deliver(late, over) is Outcome.EXPIRED
    assert stored(database) == (0, 0, 0)
    assert delivery.deliver(late, lease(server)) is Outcome.WRITTEN
    assert stored(database) == (100, 100, 100)


def test_a_row_that_clickhouse_refuses_becomes_a_letter_and_the_others_are_stored(
    delivery: Delivery, server: Server, letters: Letters, database: ClickHouseSettings
) -> None:
    with native(database) as client:
        client.execute("ALTER TABLE inference_events ADD CONSTRAINT lucky CHECK flips != 13")
    mixed = job(100, late=(7, 64), first=500)
    for _ in range(2):
        assert delivery.deliver(mixed, lease(server)) is Outcome.WRITTEN
    assert stored(database) == (98, 98, 98)
    assert {(letter.offset, letter.error_class) for letter in letters.safe} == {
        (507, "UNWRITABLE"),
        (564, "UNWRITABLE"),
    }
    assert len({letter.event_id for letter in letters.safe}) == 2
    assert "lucky" in letters.safe[0].reason
    assert letters.safe[0].body == mixed.closed.messages[7].value


def test_when_every_row_is_refused_the_table_is_at_fault_and_the_sink_stops(
    delivery: Delivery, server: Server, database: ClickHouseSettings
) -> None:
    with native(database) as client:
        client.execute("ALTER TABLE inference_events ADD CONSTRAINT none CHECK flips = -1")
    with pytest.raises(ServerError, match=f"more than {UNWRITABLE_LIMIT} rows") as refused:
        delivery.deliver(job(UNWRITABLE_LIMIT + 1), lease(server))
    assert refused.value.fault is Fault.STOP


def test_a_missing_table_stops_and_is_no_row_error(
    delivery: Delivery, server: Server, database: ClickHouseSettings
) -> None:
    with native(database) as client:
        client.execute("DROP TABLE inference_events")
    with pytest.raises(ServerError, match="UNKNOWN_TABLE") as refused:
        delivery.deliver(job(1), lease(server))
    assert refused.value.fault is Fault.STOP


def begun(old: Job) -> Job:
    """The same range, as another process finds it in the ledger."""
    pending = Pending(old.closed.range, len(old.closed.messages), 0)
    return Job(old.source, old.topic_id, old.closed, replayed=pending)


def test_what_is_stored_decides_a_replay_however_old_the_token_is(
    delivery: Delivery, server: Server, database: ClickHouseSettings
) -> None:
    far = Lease(lease(server).deadline_s, {"inference_events": WINDOW_BLOCKS})
    log = job(10)
    for _ in range(2):
        assert delivery.deliver(begun(log), far) is Outcome.WRITTEN
    with native(database) as client:  # no token is remembered any more
        client.execute(
            "ALTER TABLE inference_events MODIFY SETTING non_replicated_deduplication_window = 0"
        )
    assert delivery.deliver(begun(log), far) is Outcome.WRITTEN
    assert stored(database) == (10, 10, 10)


def test_where_tokens_decide_a_range_older_than_the_window_is_refused_when_it_is_stored(
    server: Server, letters: Letters, database: ClickHouseSettings
) -> None:
    stopping = threading.Event()
    delivery = Delivery(server, Repeat(server), PREPARATION, letters, Patience(5.0), stopping)
    far = Lease(lease(server).deadline_s, {"inference_events": WINDOW_BLOCKS})
    log = job(10)
    assert delivery.deliver(begun(log), far) is Outcome.WRITTEN
    with pytest.raises(LedgerError, match=r"range 0-9 was begun.*10 of its 10 rows are stored"):
        delivery.deliver(begun(log), far)
    assert stored(database) == (10, 10, 10)


def test_a_sink_that_stops_does_not_wait_for_clickhouse(letters: Letters) -> None:
    stopping = threading.Event()
    stopping.set()
    nobody = Server(ClickHouseSettings(http_port=1))
    delivery = Delivery(nobody, Repeat(nobody), PREPARATION, letters, Patience(60.0), stopping)
    assert delivery.deliver(job(1), Lease(0, {})) is Outcome.STOPPED
    nobody.close()
