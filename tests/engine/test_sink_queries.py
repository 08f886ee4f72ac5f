"""Migrations and named queries on a real ClickHouse, over rows that the sink's own path stored."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from consumers.clickhouse.client import ClickHouseError, UnreachableError, native
from consumers.clickhouse.lanes import Closed
from consumers.clickhouse.layout import columns, table_name
from consumers.clickhouse.leases import lease
from consumers.clickhouse.ledger import token
from consumers.clickhouse.preparation import Preparation
from consumers.clickhouse.ranges import Range
from consumers.clickhouse.server import Server
from infra.clickhouse import migrate
from infra.clickhouse.queries import run, stored
from infra.kafka.messages import RawMessage
from infra.settings import ClickHouseSettings
from infra.stack.ports import free_port
from schemas import records, topics
from schemas.registry import FileRegistry
from schemas.topics import TOPICS, TopicSpec
from tests import factories
from tests.sinks import CODEC

pytestmark = pytest.mark.engine

REGISTRY = FileRegistry()
PREPARATION = Preparation(REGISTRY, TOPICS.values())
State = records.AckState
NOW_US = time.time_ns() // 1_000


@pytest.fixture(scope="module")
def filled(clickhouse: ClickHouseSettings) -> Iterator[ClickHouseSettings]:
    """A database of this module's own with a small story in it; the tests only read."""
    own = clickhouse.model_copy(update={"database": "named_queries"})
    migrate.apply(own)
    server = Server(own)
    for topic, told in story().items():
        store(server, TOPICS[topic], told)
    server.close()
    yield own
    with native(clickhouse, database="default") as client:
        client.execute("DROP DATABASE named_queries SYNC")


def story() -> dict[str, list[Any]]:
    told: dict[str, list[Any]] = {
        topic: [example()] for topic, example in factories.EXAMPLES.items()
    }
    told[topics.INFERENCE_EVENTS.name] = [
        factories.inference_event(
            event_id=f"w/{number}",
            hardware=hardware,
            release_id="release-3",
            window_start=NOW_US - 20_000_000,
            window_end=NOW_US - 10_000_000,
            late=late,
        )
        for number, (hardware, late) in enumerate([("HW3", 90), ("HW3", 70), ("HW4", 0)])
    ]
    told[topics.OTA_ACKS.name] = [
        ack(device, attempt, seq, state, reason)
        for device, attempt, steps in (
            ("d1", 1, [(State.ACCEPTED, ""), (State.INSTALLED, ""), (State.COMMITTED, "")]),
            ("d2", 1, [(State.ACCEPTED, ""), (State.INSTALL_FAILED, "DIGEST_MISMATCH")]),
            ("d2", 2, [(State.ACCEPTED, ""), (State.COMMITTED, "")]),
            (
                "d3",
                1,
                [(State.ACCEPTED, ""), (State.COMMITTED, ""), (State.REVERTED, "ROLLBACK_ORDERED")],
            ),
        )
        for seq, (state, reason) in enumerate(steps)
    ]
    told[topics.DEVICES.name] = [
        factories.device(event_id=f"r/{number}", device_id=device, slot_a_digest=digest * 64)
        for number, (device, digest) in enumerate([("d1", "a"), ("d2", "a"), ("d1", "b")])
    ]
    return told


def ack(device: str, attempt: int, seq: int, state: State, reason: str) -> records.OtaAck:
    return factories.ota_ack(
        event_id=f"{device}/{attempt}/{seq}",
        device_id=device,
        release_id="release-3",
        attempt=attempt,
        seq=seq,
        state=state,
        reason_code=reason,
    )


def store(server: Server, spec: TopicSpec, told: list[Any]) -> None:
    messages = tuple(
        RawMessage(spec.name, 0, offset, NOW_US, b"k", CODEC.encode(spec, record), ())
        for offset, record in enumerate(told)
    )
    whole = Range(0, len(messages) - 1)
    prepared = PREPARATION.prepare(spec.name, 0, "Tx", Closed(whole, messages))
    assert not prepared.letters, prepared.letters
    mapping = PREPARATION.mappings[spec.name]
    mark = token("Tx", 0, whole, mapping.table)
    server.insert(mapping, prepared.rows, token=mark, deadline_s=lease(server).deadline_s)


@pytest.mark.parametrize("name", stored())
def test_every_query_runs_and_has_an_answer(filled: ClickHouseSettings, name: str) -> None:
    given = {"release": "release-1"} if name == "release_decisions" else {"hours": "90000"}
    known = {param.name for param in stored()[name].params}
    assert run(filled, name, {key: value for key, value in given.items() if key in known})


def test_latency_names_the_hardware_that_misses_its_deadline(filled: ClickHouseSettings) -> None:
    rows = {row["hardware"]: row for row in run(filled, "release_latency", {"hours": "1"})}
    assert rows.keys() == {"HW3", "HW4"}
    assert (rows["HW3"]["windows"], rows["HW3"]["judged"], rows["HW3"]["late"]) == (2, 200, 160)
    assert rows["HW3"]["late_share"] == 0.8
    assert rows["HW4"]["late"] == 0
    # Buckets of scale 3 from -20 on: the 50th of 100 is in the 10th bucket, (2^-11/8, 2^-10/8].
    assert rows["HW4"]["p50_ms"] == pytest.approx(50 * 2 ** (-10 / 8), abs=0.001)


def test_the_funnel_counts_devices_by_their_newest_attempt(filled: ClickHouseSettings) -> None:
    (row,) = run(filled, "rollout_funnel", {"release": "release-3"})
    assert (row["offered"], row["accepted"], row["committed"]) == (3, 3, 3)
    assert (row["failed"], row["reverted"], row["rolled_back"]) == (0, 0, 1)


def test_devices_count_once_by_their_newest_record(filled: ClickHouseSettings) -> None:
    rows = run(filled, "devices_by_digest", {})
    assert {row["model_digest"][0]: row["devices"] for row in rows} == {"a": 1, "b": 1}


def test_completeness_shows_no_double(filled: ClickHouseSettings) -> None:
    rows = {row["topic"]: row for row in run(filled, "completeness", {})}
    assert rows.keys() == TOPICS.keys()
    assert all(row["rows"] == row["places"] == row["events"] for row in rows.values())
    assert rows[topics.OTA_ACKS.name]["rows"] == 10


def test_text_in_a_parameter_stays_text(filled: ClickHouseSettings) -> None:
    assert run(filled, "release_latency", {"release": "' OR 1=1 --", "hours": "90000"}) == []


def test_every_column_has_the_type_and_the_unit_of_its_schema(filled: ClickHouseSettings) -> None:
    with native(filled) as client:
        rows = client.execute(
            "SELECT table, name, type, comment FROM system.columns "
            "WHERE database = {database:String}",
            {"database": filled.database},
        )
    found = {(table, name): (kind, comment) for table, name, kind, comment in rows}
    for topic in TOPICS:
        for column in columns(REGISTRY.schema(REGISTRY.schema_id(topic))):
            there = found[table_name(topic), column.name]
            assert there == (column.type, column.comment), (topic, column.name)
    untold = [place for place, (_, comment) in found.items() if not comment]
    assert all(table.endswith("_view") for table, _ in untold)


def test_applying_again_changes_nothing_and_a_changed_file_is_named(
    database: ClickHouseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(migrate.pending(database)) == len(migrate.stored())
    assert len(migrate.apply(database)) == len(migrate.stored())
    assert migrate.apply(database) == ()
    assert migrate.pending(database) == ()
    first, *others = migrate.stored()
    changed = migrate.Migration(first.number, first.name, first.text + "-- more\n")
    monkeypatch.setattr(migrate, "stored", lambda: (changed, *others))
    with pytest.raises(migrate.MigrationError, match=f"{first.name} was changed after"):
        migrate.apply(database)


def test_a_statement_that_fails_is_named_and_can_be_applied_again(
    database: ClickHouseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = "CREATE TABLE IF NOT EXISTS a (x Int8) ENGINE = Memory;\n"
    broken = migrate.Migration(1, "0001_a.sql", good + "CREATE TABLE b (x Nope) ENGINE = Memory;\n")
    monkeypatch.setattr(migrate, "stored", lambda: (broken,))
    with pytest.raises(migrate.MigrationError, match=r"0001_a\.sql, CREATE TABLE b.*Nope"):
        migrate.apply(database)
    mended = migrate.Migration(1, "0001_a.sql", good)
    monkeypatch.setattr(migrate, "stored", lambda: (mended,))
    assert migrate.apply(database) == (mended,)


def test_errors_name_the_address_or_the_statement(clickhouse: ClickHouseSettings) -> None:
    port = free_port()
    nobody = clickhouse.model_copy(update={"tcp_port": port})
    with pytest.raises(UnreachableError, match=f":{port} does not answer"):
        run(nobody, "completeness", {})
    with native(clickhouse) as client, pytest.raises(ClickHouseError, match="nosuch") as refused:
        client.execute("SELECT 1 FROM nosuch")
    assert refused.value.code == 60
