"""A field is added to a schema: planned, migrated, and old and new writers' records both land."""

import io
import json
import shutil
from pathlib import Path

import fastavro
import pytest
from typer.testing import Result

from consumers.clickhouse.client import native
from consumers.clickhouse.lanes import Closed
from consumers.clickhouse.leases import lease
from consumers.clickhouse.ledger import token
from consumers.clickhouse.preparation import Preparation
from consumers.clickhouse.ranges import Range
from consumers.clickhouse.server import Server
from consumers.clickhouse.startup import NotReadyError, check
from infra.cli.output import Exit
from infra.clickhouse import migrate
from infra.clickhouse.evolution import unwritten
from infra.kafka.message_columns import MessageColumns
from infra.kafka.messages import RawMessage
from infra.settings import ClickHouseSettings
from schemas.codec import Codec
from schemas.framing import frame, unframe
from schemas.registry import FileRegistry
from schemas.topics import DISENGAGEMENTS, TOPICS
from schemas.versions import PACKAGED
from tests import factories
from tests.command_line import fleetloop
from tests.factories_base import WINDOW_START_US

pytestmark = pytest.mark.engine

TOPIC = DISENGAGEMENTS.name
ADDED = [
    {"name": "camera", "type": "string", "default": "front", "doc": "Camera in use."},
    {"name": "slope", "type": ["null", "double"], "default": None, "doc": "Slope in percent."},
]


@pytest.fixture
def newer(tmp_path: Path) -> FileRegistry:
    """The schemas of the package, and one more version of a topic with two more fields."""
    shutil.copytree(PACKAGED, tmp_path / "avro")
    newest = FileRegistry().versions(TOPIC)[-1]
    schema = json.loads(newest.text)
    schema["fields"] += ADDED
    (tmp_path / "avro" / TOPIC / f"{newest.version + 1}.avsc").write_text(json.dumps(schema))
    return FileRegistry(tmp_path / "avro")


def test_a_new_field_is_planned_and_both_writers_land(
    database: ClickHouseSettings, newer: FileRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate.apply(database)
    known = migrate.stored()
    proposed = unwritten(newer, [each for one in known for each in one.statements])
    assert [each.topic for each in proposed] == [TOPIC, TOPIC]
    planned = _plan(database, newer, monkeypatch)
    assert planned.exit_code == Exit.CONDITION_NOT_MET
    assert [row["statement"] for row in json.loads(planned.stdout)] == [
        each.statement for each in proposed
    ]
    server = Server(database)
    preparation = Preparation(newer, TOPICS.values())
    with pytest.raises(NotReadyError, match="camera is None, the schema needs String"):
        check(server, preparation.mappings.values())
    text = "\n".join(each.statement for each in proposed)
    more = migrate.Migration(len(known) + 1, f"{len(known) + 1:04d}_camera.sql", text + "\n")
    monkeypatch.setattr(migrate, "stored", lambda: (*known, more))
    assert migrate.apply(database) == (more,)
    check(server, preparation.mappings.values())
    old = Codec(FileRegistry()).encode(TOPIC, factories.disengagement(event_id="old"))
    _insert(server, preparation, (old, _by_a_newer_writer(old, newer)))
    server.close()
    with native(database) as client:
        assert client.execute(
            "SELECT event_id, camera, slope FROM disengagements ORDER BY camera"
        ) == [("old", "front", None), ("old", "rear", 7.5)]
    assert unwritten(newer, [each for one in (*known, more) for each in one.statements]) == ()


def _plan(
    database: ClickHouseSettings, newer: FileRegistry, monkeypatch: pytest.MonkeyPatch
) -> Result:
    """`fleetloop clickhouse plan` of a package that has the newer schemas."""
    monkeypatch.setattr("infra.cli.clickhouse.FileRegistry", lambda: newer)
    for name in ("host", "tcp_port", "http_port", "database"):
        value = str(getattr(database, name))
        monkeypatch.setenv(f"FLEETLOOP_CLICKHOUSE__{name.upper()}", value)
    return fleetloop("clickhouse", "plan", "-o", "json")


def _by_a_newer_writer(value: bytes, newer: FileRegistry) -> bytes:
    """The same record as a device writes it that knows the new fields."""
    schema_id, body = unframe(value)
    told = fastavro.schemaless_reader(io.BytesIO(body), json.loads(newer.schema(schema_id)), None)
    out, newest = io.BytesIO(), newer.schema_id(TOPIC)
    assert isinstance(told, dict)
    record = {**told, "camera": "rear", "slope": 7.5}
    fastavro.schemaless_writer(out, json.loads(newer.schema(newest)), record)
    return frame(newest, out.getvalue())


def _insert(server: Server, preparation: Preparation, values: tuple[bytes, ...]) -> None:
    messages = tuple(
        RawMessage(TOPIC, 0, offset, WINDOW_START_US, b"k", value, ())
        for offset, value in enumerate(values)
    )
    prepared = preparation.prepare(TOPIC, 0, "Tx", Closed.of(MessageColumns.of(messages)))
    assert not prepared.letters, prepared.letters
    mapping = preparation.mappings[TOPIC]
    mark = token("Tx", 0, Range(0, 1), mapping.table)
    server.insert(mapping, prepared.rows, token=mark, deadline_s=lease(server).deadline_s)
