"""`fleetloop erase` on real engines: a device's rows and pictures go and do not come back."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from consumers.clickhouse.client import Native, native
from infra.cli.output import Exit
from infra.kafka.ranges import RangeReader
from infra.objects import ObjectMissingError, ObjectStore
from infra.settings import ClickHouseSettings, Settings
from infra.stack.supervisor import Supervisor
from infra.stack.tansu import TansuBroker
from producers import seed_dataset, training
from schemas.erasures import OF_DEVICES
from schemas.records import DatasetManifest
from schemas.topics import DEVICES
from tests.command_line import fleetloop
from tests.erasing import (
    GONE,
    KEPT,
    Strips,
    erasing,
    merge_rollups,
    publish_life,
    publish_mentions,
    rows_of,
    store_strips,
    tables_that_tell,
)
from tests.learning_line import LearningLine
from tests.sinks import prepare, publishing, running, settings_for
from tests.unit.producers.test_evaluation import oracle
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


def run(*words: str, code: Exit = Exit.OK) -> Any:
    result = fleetloop(*words, "-o", "json")
    assert result.exit_code == code, result.output
    found: Any = json.loads(result.stdout) if result.stdout else []
    return found


def erased() -> dict[str, Any]:
    words = ("--device", GONE, "--by", "alice", "--reason", "the owner asked", "--wait")
    found: dict[str, Any] = run("erase", *words, "--timeout-s", "60")[0]
    return found


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
        merge_rollups(client)
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
        merge_rollups(client)
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


def test_what_was_learnt_from_a_device_is_named_and_the_next_dataset_forgets_it(
    world: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From test drive to second dataset, by the real assembly, trainer, sink and eraser."""
    monkeypatch.setattr(seed_dataset, "ENCOUNTERS", 12)
    monkeypatch.setattr(training, "fit_apart", lambda *_: oracle(("stop", "yield", "curve"), 1))
    monkeypatch.setenv("FLEETLOOP_OBJECTS_URL", world.objects_url)
    monkeypatch.setenv("FLEETLOOP_KEYS_DIR", str(tmp_path / "keys"))
    with (
        running(world),
        native(world.clickhouse) as client,
        publishing(world.kafka) as publisher,
    ):
        line = LearningLine(world, tmp_path, publisher)
        for device in (GONE, KEPT):
            line.drive(device, 4)
        first = line.dataset()
        held = [one for one in line.manifest(first).examples if one.device_id == GONE]
        assert held
        drive_release, release = line.train(2)
        until(
            lambda: (
                client.execute("SELECT count() FROM model_releases") == [(2,)]
                and client.execute("SELECT count() FROM dataset_manifests") == [(4,)]
            ),
            "datasets and releases in ClickHouse",
        )
        with erasing(world):
            answer = erased()
        assert answer["datasets_built_before"] == [first.dataset_id]
        assert not named_in_questions(world, GONE)
        assert answer["releases_trained_before"] == [release]
        assert answer["pictures"] == 4
        line.drive(KEPT, 4)
        second = line.dataset()
    assert second.parent == first.dataset_id
    assert second.excluded["ERASED"] == len(held)
    devices = {one.device_id for one in line.manifest(second).examples}
    assert KEPT in devices
    assert GONE not in devices
    for one in line.manifest(first).examples:
        if one.device_id == GONE:
            with pytest.raises(ObjectMissingError):
                line.objects.get(one.frame_uri)
        else:
            assert line.objects.get(one.frame_uri, digest=one.frame_digest)
    (loss,) = card_of(release)["erasures"]
    assert (loss["erasure_id"], loss["examples"]) == (answer["erasure_id"], len(held))
    assert card_of(drive_release)["erasures"] == []
    told = fleetloop("releases", "get", release)
    assert f"affected by erasure {answer['erasure_id']}" in told.stderr
    for dataset in (first, second):
        assert run("datasets", "audit", dataset.dataset_id) == []
    monkeypatch.setenv("FLEETLOOP_DATASET_FILE", str(tmp_path / "dataset.yaml"))
    built_again(second)
    changed = run("datasets", "diff", first.dataset_id, second.dataset_id)
    assert sorted(changed["removed"]["ERASED"]) == sorted(one.example_id for one in held)
    assert list(changed["removed"]) == ["ERASED"]


def named_in_questions(world: Settings, device: str) -> list[str]:
    """Sheets of questions in the object store that name a device."""
    objects = ObjectStore(world.objects_url)
    sheets = objects.list("questions")
    assert sheets
    tables = {one: pq.read_table(pa.BufferReader(objects.get(one))) for one in sheets}
    return [one for one, rows in tables.items() if device in rows["device_id"].to_pylist()]


def built_again(dataset: DatasetManifest) -> None:
    """By the log alone; a manifest that vanished or was edited is as it was afterwards."""
    path = Path((dataset.manifest_uri or "").removeprefix("file://"))
    whole = path.read_bytes()
    assert "stands there" in fleetloop("datasets", "build", dataset.dataset_id).stderr
    path.unlink()
    assert "was put back" in fleetloop("datasets", "build", dataset.dataset_id).stderr
    path.write_bytes(bytes(len(whole)))
    assert "was put back" in fleetloop("datasets", "build", dataset.dataset_id).stderr
    assert path.read_bytes() == whole
    begun = fleetloop("datasets", "build", "no-dataset")
    assert begun.exit_code == Exit.CONDITION_NOT_MET


def card_of(release: str) -> dict[str, Any]:
    result = fleetloop("models", "get", release, "-o", "json")
    assert result.exit_code == Exit.OK, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_without_a_worker_the_wait_ends_and_says_what_is_missing(world: Settings) -> None:
    words = ("--device", GONE, "--by", "alice", "--reason", "asked", "--wait", "--timeout-s", "1")
    result = fleetloop("erase", *words)
    assert result.exit_code == Exit.TIMED_OUT
    assert "fleetloop worker run erasure" in result.stderr
    run("erasures", "get", GONE, code=Exit.CONDITION_NOT_MET)
    empty = fleetloop("erase", "--device", " ", "--by", "alice", "--reason", "asked")
    assert empty.exit_code == Exit.USAGE
    assert world.sink.group == "erasure"
