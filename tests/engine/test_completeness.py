"""`clickhouse verify` and `replay` on real engines: damage made by hand is named, then mended."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import Result

from consumers.clickhouse.client import Native, native
from infra.cli.output import Exit
from infra.kafka.ranges import RangeReader
from infra.settings import ClickHouseSettings, KafkaSettings, Settings
from infra.stack.supervisor import Supervisor
from infra.stack.tansu import TansuBroker
from schemas.topics import DEAD_LETTERS, INFERENCE_EVENTS
from tests import factories
from tests.command_line import fleetloop
from tests.log_checker import Anomaly, Name, Read, Row, RunLog, Sent, check
from tests.sinks import (
    CODEC,
    counted_until,
    prepare,
    publishing,
    running,
    settings_for,
)

pytestmark = pytest.mark.engine

COUNT = 60
AHEAD = 5
MALFORMED = 25
PARTITION = 1
TABLES = ("inference_events", "dead_letters")
WHERE = f"{INFERENCE_EVENTS.name}/{PARTITION}"


@pytest.fixture(scope="module")
def world(
    clickhouse: ClickHouseSettings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """A broker and a database of this module's own: `COUNT` records are stored, more are not."""
    database = clickhouse.model_copy(update={"database": "completeness"})
    with Supervisor(tmp_path_factory.mktemp("completeness")) as supervisor:
        broker = TansuBroker(supervisor)
        broker.start()
        prepare(broker.settings, database)
        publish(broker.settings, 0, COUNT)
        settings = settings_for(broker.settings, database, "completeness")
        with running(settings):
            counted_until(database, lambda counts: counts[DEAD_LETTERS.name].rows >= 1)
            counted_until(database, lambda counts: counts[INFERENCE_EVENTS.name].rows >= COUNT - 1)
        publish(broker.settings, 0, 1, partition=PARTITION + 1)
        publish(broker.settings, COUNT, COUNT + AHEAD)
        with native(database) as client:
            for table in TABLES:
                client.execute(f"CREATE TABLE stored_{table} AS {table}")
                client.execute(f"INSERT INTO stored_{table} SELECT * FROM {table}")  # noqa: S608 - two table names
        yield settings
    with native(clickhouse, database="default") as client:
        client.execute("DROP DATABASE completeness SYNC")


@pytest.fixture
def client(world: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Native]:
    """The world as the sink left it, named by the environment as for the command."""
    for name, value in {
        "KAFKA__BOOTSTRAP": world.kafka.bootstrap,
        "KAFKA__MEMORY_ONLY": "true",
        "CLICKHOUSE__HOST": world.clickhouse.host,
        "CLICKHOUSE__TCP_PORT": str(world.clickhouse.tcp_port),
        "CLICKHOUSE__HTTP_PORT": str(world.clickhouse.http_port),
        "CLICKHOUSE__DATABASE": world.clickhouse.database,
        "SINK__GROUP": world.sink.group,
    }.items():
        monkeypatch.setenv(f"FLEETLOOP_{name}", value)
    with native(world.clickhouse) as client:
        yield client
        for table in TABLES:
            client.execute(f"TRUNCATE TABLE {table}")
            client.execute(
                f"INSERT INTO {table} SELECT * FROM stored_{table} SETTINGS insert_deduplicate = 0"  # noqa: S608 - two table names
            )


def publish(kafka: KafkaSettings, first: int, end: int, partition: int = PARTITION) -> None:
    """Records at offsets `first` to `end` - 1, one of them malformed."""
    with publishing(kafka) as publisher:
        for number in range(first, end):
            value = b"\xff" if number == MALFORMED else event(number)
            publisher.publish_bytes(INFERENCE_EVENTS, b"k", value, partition=partition)
        publisher.flush()


def event(number: int) -> bytes:
    record = factories.inference_event(event_id=f"d/1/{number}")
    return CODEC.encode(INFERENCE_EVENTS, record)


def run(*words: str) -> Result:
    return fleetloop("clickhouse", *words, "-o", "json")


def verified() -> list[dict[str, Any]]:
    result = run("verify")
    found: list[dict[str, Any]] = json.loads(result.stdout)
    assert result.exit_code == (Exit.CONDITION_NOT_MET if found else Exit.OK), result.output
    return found


def replayed(stretch: str) -> dict[str, Any]:
    result = run("replay", stretch)
    assert result.exit_code == Exit.OK, result.output
    (row,) = json.loads(result.stdout)
    return dict(row)


def wrong(kind: str, first: int, last: int, count: int, what_to_do: str) -> dict[str, Any]:
    return {
        "topic": INFERENCE_EVENTS.name,
        "partition": PARTITION,
        "kind": kind,
        "first_offset": first,
        "last_offset": last,
        "count": count,
        "what_to_do": what_to_do,
    }


HOLE = wrong("HOLE", 20, 29, 9, f"fleetloop clickhouse replay {WHERE}:20-29")
DUPLICATE = wrong(
    "DUPLICATE",
    40,
    44,
    5,
    "OPTIMIZE TABLE inference_events FINAL; sums of its rollups keep them",
)


def delete(client: Native, table: str, condition: str) -> None:
    client.execute(f"ALTER TABLE {table} DELETE WHERE {condition} SETTINGS mutations_sync = 2")


def run_log(kafka: KafkaSettings, client: Native) -> RunLog:
    """What was sent, what stands on the log and what is stored, by number."""
    reader = RangeReader(kafka)
    read = [
        Read("one", (raw.topic, raw.partition, raw.offset), str(raw.offset))
        for raw in reader.read(reader.held([INFERENCE_EVENTS.name]))
        if raw.partition == PARTITION
    ]
    rows = client.execute("SELECT _partition, _offset, event_id FROM inference_events")
    return RunLog(
        [Sent("one", str(number)) for number in range(COUNT) if number != MALFORMED],
        read,
        [Row((INFERENCE_EVENTS.name, p, o), name.split("/")[-1]) for p, o, name in rows],
    )


def test_a_hole_and_a_duplicate_made_by_hand_are_named_exactly_and_mended(
    world: Settings, client: Native, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert verified() == []
    assert check(run_log(world.kafka, client)) == set()
    delete(client, "inference_events", "_offset BETWEEN 20 AND 29")
    client.execute("SYSTEM STOP MERGES completeness.inference_events")
    client.execute(
        "INSERT INTO inference_events SELECT * FROM inference_events "
        "WHERE _offset BETWEEN 40 AND 44 SETTINGS insert_deduplicate = 0"
    )
    assert verified() == [HOLE, DUPLICATE]
    with monkeypatch.context() as cut:
        cut.setattr("infra.clickhouse.stored.SLICE", 7)  # ranges go on from slice to slice
        assert verified() == [HOLE, DUPLICATE]
    gone = {Anomaly(Name.LOST, str(n)) for n in range(20, 30) if n != MALFORMED}
    twice = {Anomaly(Name.DUPLICATE, str(n)) for n in range(40, 45)}
    assert check(run_log(world.kafka, client)) == gone | twice
    stretch = f"{WHERE}:20-29"
    assert replayed(stretch) == {"range": stretch, "rows": 9, "letters": 0, "erased": 0}
    assert verified() == [DUPLICATE]
    assert check(run_log(world.kafka, client)) == twice
    assert replayed(stretch) == {"range": stretch, "rows": 0, "letters": 0, "erased": 0}
    client.execute("SYSTEM START MERGES completeness.inference_events")
    client.execute("OPTIMIZE TABLE inference_events FINAL")
    assert verified() == []
    assert check(run_log(world.kafka, client)) == set()


def test_a_range_that_is_lost_again_is_mended_again_with_its_dead_letter(client: Native) -> None:
    """All of one insert, whose token the table remembers, and the letter with its own row."""
    whole, letter = f"{WHERE}:0-{COUNT - 1}", f"{DEAD_LETTERS.name}/0:0-0"
    for letters in (1, 0):  # the second time the letter of the first is on its way to the table
        delete(client, "inference_events", "1")
        delete(client, "dead_letters", "1")
        events, letter_row = verified()
        assert events["count"] == COUNT - 1 + letters
        assert events["what_to_do"] == f"fleetloop clickhouse replay {whole}"
        assert letter_row["what_to_do"] == f"fleetloop clickhouse replay {letter}"
        assert replayed(whole) == {
            "range": whole,
            "rows": COUNT - 1,
            "letters": letters,
            "erased": 0,
        }
        assert replayed(letter) == {"range": letter, "rows": 1, "letters": 0, "erased": 0}
        assert verified() == []


def test_what_the_ttl_took_from_the_table_is_no_hole(client: Native) -> None:
    """Kafka still holds it: its segments go as a whole."""
    ttl = "ALTER TABLE inference_events MODIFY TTL toDateTime(_ingested_at) + INTERVAL {} DAY"
    delete(client, "inference_events", "_offset < 10")
    client.execute("SYSTEM STOP MERGES completeness.inference_events")
    client.execute(f"{ttl.format(1)} SETTINGS materialize_ttl_after_modify = 0")
    assert [row["count"] for row in verified()] == [10]
    client.execute(f"{ttl.format(0)} SETTINGS materialize_ttl_after_modify = 0")
    time.sleep(1)  # ClickHouse's clock is read in whole seconds
    result = run("verify")
    client.execute(f"{ttl.format(90)} SETTINGS materialize_ttl_after_modify = 0")
    client.execute("SYSTEM START MERGES completeness.inference_events")
    assert result.exit_code == Exit.OK
    assert f"{WHERE}: 10 offsets are no holes" in result.stderr


def test_what_the_sink_has_not_passed_is_no_hole_and_is_not_replayed(client: Native) -> None:
    result = run("verify")
    assert result.exit_code == Exit.OK
    assert f"{WHERE}: {AHEAD} offsets from {COUNT} on are not yet passed" in result.stderr
    assert f"{WHERE[:-1]}{PARTITION + 1}: 1 offsets from 0 on are not yet passed" in result.stderr
    refused = run("replay", f"{WHERE}:{COUNT - 2}-{COUNT + 1}")
    assert refused.exit_code == Exit.CONDITION_NOT_MET
    assert f"stands at offset {COUNT}" in refused.stderr
    assert client.execute("SELECT count() FROM inference_events") == [(COUNT - 1,)]


def test_without_a_ledger_the_whole_log_is_compared_and_nothing_replayed(
    client: Native, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEETLOOP_SINK__GROUP", "nobody")
    delete(client, "inference_events", "_offset = 7")
    # Letters of other tests stand in the log of dead-letters.
    found = [row for row in verified() if row["topic"] == INFERENCE_EVENTS.name]
    assert [(row["partition"], row["first_offset"], row["count"]) for row in found] == [
        (PARTITION, 7, 1),
        (PARTITION, COUNT, AHEAD),
        (PARTITION + 1, 0, 1),
    ]
    assert {row["what_to_do"] for row in found} == {"start the sink"}
    refused = run("replay", f"{WHERE}:7-7")
    assert refused.exit_code == Exit.CONDITION_NOT_MET
    assert "group nobody has no position" in refused.stderr


@pytest.mark.parametrize(
    ("stretch", "code", "message"),
    [
        ("nonsense", Exit.USAGE, "write TOPIC/PARTITION:FIRST-LAST"),
        ("nosuch/0:0-1", Exit.CONDITION_NOT_MET, "not one of our topics"),
        (f"{INFERENCE_EVENTS.name}/99:0-1", Exit.CONDITION_NOT_MET, "no partition 99"),
    ],
)
@pytest.mark.usefixtures("client")
def test_a_range_that_cannot_be_is_refused(stretch: str, code: Exit, message: str) -> None:
    result = run("replay", stretch)
    assert result.exit_code == code
    assert message in result.stderr


def test_rows_of_another_topic_of_the_name_are_told_and_not_mixed_in(client: Native) -> None:
    client.execute(
        "INSERT INTO inference_events SELECT * REPLACE ('old' AS _topic_id) "
        "FROM inference_events WHERE _offset < 7"
    )
    delete(client, "inference_events", "_topic_id != 'old' AND _offset < 3")
    result = run("verify")
    assert [row["last_offset"] for row in json.loads(result.stdout)] == [2]
    assert "inference_events: 7 rows are of topic id old, not compared" in result.stderr
