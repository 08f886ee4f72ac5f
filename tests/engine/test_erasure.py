"""`fleetloop erase` on real engines: a device's rows and pictures go and do not come back."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from consumers.clickhouse.client import Native, native
from infra.cli.output import Exit
from infra.kafka.ranges import RangeReader
from infra.objects import ObjectMissingError, ObjectStore
from infra.settings import ClickHouseSettings, Settings
from infra.stack.supervisor import Supervisor
from infra.stack.tansu import TansuBroker
from schemas.erasures import OF_DEVICES
from schemas.topics import DEVICES
from tests.command_line import fleetloop
from tests.erasing import (
    GONE,
    KEPT,
    Strips,
    erasing,
    publish_life,
    publish_mentions,
    rows_of,
    store_strips,
    tables_that_tell,
)
from tests.sinks import prepare, publishing, running, settings_for
from tests.waiting import until

pytestmark = pytest.mark.engine

LIFE_ROWS = 8


@pytest.fixture
def world(
    database: ClickHouseSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    """A broker of the test's own, named by the environment as for the command."""
    with Supervisor(tmp_path / "logs") as supervisor:
        broker = TansuBroker(supervisor)
        broker.start()
        prepare(broker.settings, database)
        for name, value in {
            "KAFKA__BOOTSTRAP": broker.settings.bootstrap,
            "KAFKA__MEMORY_ONLY": "true",
            "CLICKHOUSE__HOST": database.host,
            "CLICKHOUSE__TCP_PORT": str(database.tcp_port),
            "CLICKHOUSE__HTTP_PORT": str(database.http_port),
            "CLICKHOUSE__DATABASE": database.database,
            "SINK__GROUP": "erasure",
        }.items():
            monkeypatch.setenv(f"FLEETLOOP_{name}", value)
        settings = settings_for(broker.settings, database, "erasure")
        yield settings.model_copy(update={"objects_url": f"file://{tmp_path}/objects"})


def run(*words: str, code: Exit = Exit.OK) -> list[dict[str, Any]]:
    result = fleetloop(*words, "-o", "json")
    assert result.exit_code == code, result.output
    rows: list[dict[str, Any]] = json.loads(result.stdout) if result.stdout else []
    return rows


def erased() -> dict[str, Any]:
    words = ("--device", GONE, "--by", "alice", "--reason", "the owner asked", "--wait")
    (row,) = run("erase", *words, "--timeout-s", "60")
    return row


def stored_until(client: Native, device: str, rows: int) -> None:
    until(lambda: rows_of(client, device) >= rows, f"{rows} rows of {device}")


def lives(world: Settings) -> Strips:
    strips = store_strips(ObjectStore(world.objects_url), "first")
    with publishing(world.kafka) as publisher:
        for device in (GONE, KEPT):
            publish_life(publisher, device, strips)
        publish_mentions(publisher)
    return strips


def whole_log(world: Settings) -> list[str]:
    """Every partition with records about devices, as ranges for `clickhouse replay`."""
    return [
        f"{span.topic}/{span.partition}:{span.first_offset}-{span.last_offset}"
        for span in RangeReader(world.kafka).held(OF_DEVICES)
        if span.last_offset >= 0
    ]


def test_an_erased_device_is_gone_from_everywhere_and_no_hole_and_stays_gone(
    world: Settings,
) -> None:
    with running(world), native(world.clickhouse) as client:
        strips = lives(world)
        stored_until(client, GONE, LIFE_ROWS)
        stored_until(client, KEPT, LIFE_ROWS)
        until(lambda: tables_that_tell(client, KEPT).get("alerts") == 2, "both alerts")
        before = tables_that_tell(client, KEPT)
        assert tables_that_tell(client, GONE) == before
        assert {"rollout_devices", "devices_now", "edge_case_days"} < set(before)
        with erasing(world):
            answer = erased()
            assert answer["state"] == "DONE"
            assert sum(answer["records"].values()) == LIFE_ROWS + 2  # a letter, and its record
            assert answer["records"]["edge-cases"] == 2
            assert (answer["pictures"], answer["pictures_shared"]) == (1, 1)
        assert tables_that_tell(client, GONE) == {}
        assert tables_that_tell(client, KEPT) == before
        objects = ObjectStore(world.objects_url)
        assert objects.get(strips.kept.uri)
        assert objects.get(strips.both.uri)
        with pytest.raises(ObjectMissingError):
            objects.get(strips.gone.uri)
        assert run("erasures", "get", GONE)[0]["completed_at"] == answer["completed_at"]
        run("erasures", "get", KEPT, code=Exit.CONDITION_NOT_MET)
    assert run("query", "run", "missing") == []
    # After the sink: everything obeys the record, whoever reads the log.
    assert run("clickhouse", "verify") == []
    for stretch in whole_log(world):
        (mended,) = run("clickhouse", "replay", stretch)
        assert mended["rows"] == mended["erased"] == 0
    with native(world.clickhouse) as client:
        assert tables_that_tell(client, GONE) == {}


def test_a_hole_with_erased_records_is_mended_without_them(world: Settings) -> None:
    """All rows and places are lost by hand: the replay reads the whole log again."""
    with running(world), native(world.clickhouse) as client:
        lives(world)
        stored_until(client, KEPT, LIFE_ROWS)
        stored_until(client, GONE, LIFE_ROWS)
    with publishing(world.kafka):
        result = fleetloop("erase", "--device", GONE, "--by", "alice", "--reason", "asked")
        assert result.exit_code == Exit.OK, result.output
    with native(world.clickhouse) as client:
        for topic in OF_DEVICES:
            client.execute(f"TRUNCATE TABLE {topic.replace('-', '_')}")
        left_out = 0
        for stretch in whole_log(world):
            (mended,) = run("clickhouse", "replay", stretch)
            left_out += mended["erased"]
        assert left_out == LIFE_ROWS
        assert rows_of(client, GONE) == 0
        assert rows_of(client, KEPT) == LIFE_ROWS
        assert run("clickhouse", "verify") == []


def test_a_sink_that_reads_the_log_again_leaves_the_erased_out_and_keeps_the_later(
    world: Settings,
) -> None:
    strips = lives(world)
    run("erase", "--device", GONE, "--by", "alice", "--reason", "asked")
    with publishing(world.kafka) as publisher:  # it registers again
        publish_life(publisher, GONE, strips, boot=2)
    with running(world), native(world.clickhouse) as client:
        stored_until(client, KEPT, LIFE_ROWS)
        stored_until(client, GONE, LIFE_ROWS)
        with erasing(world):
            until(lambda: run("erasures", "list")[0]["state"] == "DONE", "the erasure")
        assert rows_of(client, GONE) == LIFE_ROWS
        ((boots,),) = client.execute(
            f"SELECT groupUniqArray(splitByChar('/', event_id)[2]) FROM ota_acks "  # noqa: S608 - our own device
            f"WHERE device_id = '{GONE}'"
        )
        assert boots == ["2"]
        ((state,),) = client.execute("SELECT groupUniqArrayMerge(encounters) FROM edge_case_days")
        assert {one for one in state if one.startswith(GONE)} == {f"{GONE}/23", f"{GONE}/24"}
    tombstones = [
        raw.key
        for raw in RangeReader(world.kafka).read(RangeReader(world.kafka).held([DEVICES.name]))
        if raw.value is None
    ]
    assert tombstones == []  # it would take the new registration with it
    assert run("clickhouse", "verify") == []


def test_rows_that_come_back_are_told_and_deleted_again(world: Settings) -> None:
    with running(world), native(world.clickhouse) as client:
        lives(world)
        stored_until(client, GONE, LIFE_ROWS)
        client.execute("CREATE TABLE backup AS ota_acks")
        client.execute("INSERT INTO backup SELECT * FROM ota_acks")
        with erasing(world):
            erased()
    with native(world.clickhouse) as client:
        client.execute("INSERT INTO ota_acks SELECT * FROM backup SETTINGS insert_deduplicate = 0")
        client.execute("OPTIMIZE TABLE ota_acks FINAL")
        client.execute("DROP TABLE backup")
        (wrong,) = run("clickhouse", "verify", code=Exit.CONDITION_NOT_MET)
        assert (wrong["kind"], wrong["count"]) == ("ERASED", 1)
        assert wrong["what_to_do"] == "start `fleetloop worker run erasure` again"
        with erasing(world):
            until(lambda: rows_of(client, GONE) == 0, "the rows are deleted again")
        assert run("clickhouse", "verify") == []


def test_without_a_worker_the_wait_ends_and_says_what_is_missing(world: Settings) -> None:
    words = ("--device", GONE, "--by", "alice", "--reason", "asked", "--wait", "--timeout-s", "1")
    result = fleetloop("erase", *words)
    assert result.exit_code == Exit.TIMED_OUT
    assert "fleetloop worker run erasure" in result.stderr
    run("erasures", "get", GONE, code=Exit.CONDITION_NOT_MET)
    empty = fleetloop("erase", "--device", " ", "--by", "alice", "--reason", "asked")
    assert empty.exit_code == Exit.USAGE
    assert world.sink.group == "erasure"
