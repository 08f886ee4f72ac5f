"""Independent readers: ClickHouse's AvroConfluent and Confluent's deserializer read what we do."""

import dataclasses
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from consumers.clickhouse.client import native
from consumers.clickhouse.lanes import Closed
from consumers.clickhouse.layout import Column, columns
from consumers.clickhouse.leases import lease
from consumers.clickhouse.preparation import Preparation
from consumers.clickhouse.server import Server
from infra.clickhouse.migrate import apply
from infra.kafka.message_columns import MessageColumns
from infra.kafka.messages import RawMessage
from infra.settings import ClickHouseSettings
from infra.stack.registry_face import RegistryFace
from schemas.columns import ColumnDecoder
from schemas.registry import FileRegistry
from schemas.topics import TOPICS
from tests import factories
from tests.sinks import CODEC

pytestmark = pytest.mark.engine

REGISTRY = FileRegistry()
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def registry_url() -> Iterator[str]:
    """The file registry as other programs see it."""
    face = RegistryFace(REGISTRY)
    yield face.start()
    face.stop()


@pytest.fixture(scope="module")
def server(clickhouse: ClickHouseSettings) -> Iterator[Server]:
    """A database of this module's own with all tables, over HTTP."""
    own = clickhouse.model_copy(update={"database": "avro_confluent"})
    apply(own)
    server = Server(own)
    yield server
    server.close()
    with native(clickhouse, database="default") as client:
        client.execute("DROP DATABASE avro_confluent SYNC")


def values_of(topic: str) -> list[bytes]:
    """The topic's example, and the same with every optional field left out."""
    example = factories.EXAMPLES[topic]()
    optional = {f.name: None for f in dataclasses.fields(example) if f.default is None}
    bare = dataclasses.replace(example, event_id="bare", **optional)
    return [CODEC.encode(topic, example), CODEC.encode(topic, bare)]


def stored_by_us(server: Server, topic: str, values: list[bytes]) -> list[dict[str, Any]]:
    preparation = Preparation(REGISTRY, TOPICS.values())
    stamp = time.time_ns() // 1_000  # an old ingest time would fall under the table's TTL
    messages = tuple(
        RawMessage(topic, 0, offset, stamp, b"k", value, ()) for offset, value in enumerate(values)
    )
    prepared = preparation.prepare(topic, 0, "Tx", Closed.of(MessageColumns.of(messages)))
    assert not prepared.letters
    mapping = preparation.mappings[topic]
    server.insert(mapping, prepared.rows, token="t", deadline_s=lease(server).deadline_s)  # noqa: S106 - a deduplication token
    names = [name for name in mapping.types if not name.startswith("_")]
    listed = ", ".join(f"`{name}`" for name in names)
    rows = server.ask(f"SELECT {listed} FROM {mapping.table} ORDER BY _offset")  # noqa: S608 - our own names
    return [dict(zip(names, row, strict=True)) for row in rows]


def read_by_clickhouse(
    server: Server, topic: str, values: list[bytes], url: str
) -> list[dict[str, Any]]:
    found = columns(REGISTRY.schema(REGISTRY.schema_id(topic)))
    names = list(dict.fromkeys(column.path[0] for column in found))
    rows = server.ask(
        f"SELECT {', '.join(f'`{name}`' for name in names)} "  # noqa: S608 - our own names and hex
        f"FROM format(AvroConfluent, unhex('{b''.join(values).hex()}')) "
        f"SETTINGS format_avro_schema_registry_url = '{url}', session_timezone = 'UTC'"
    )
    records = [dict(zip(names, row, strict=True)) for row in rows]
    return [{column.name: at(record, column) for column in found} for record in records]


def at(record: dict[str, Any], column: Column) -> Any:
    value: Any = record
    for name in column.path:
        value = None if value is None else value[name]
    if value is None and column.type.startswith("Array"):
        return []
    return {} if value is None and column.type.startswith("Map") else value


@pytest.mark.parametrize("topic", TOPICS)
def test_clickhouse_reads_the_same_values_by_itself(
    server: Server, registry_url: str, topic: str
) -> None:
    values = values_of(topic)
    ours = stored_by_us(server, topic, values)
    assert len(ours) == 2
    assert ours == read_by_clickhouse(server, topic, values, registry_url)


@pytest.mark.parametrize("topic", TOPICS)
def test_confluents_deserializer_reads_what_our_decoder_reads(
    registry_url: str, topic: str
) -> None:
    values = values_of(topic)
    context = SerializationContext(topic, MessageField.VALUE)
    with SchemaRegistryClient({"url": registry_url}) as client:
        deserialize = AvroDeserializer(client, REGISTRY.schema(REGISTRY.schema_id(topic)))
        theirs = [plain(deserialize(value, context)) for value in values]
    decoded = ColumnDecoder(REGISTRY).decode(topic, values)
    assert not decoded.refusals
    assert [plain(row) for row in decoded.rows.to_pylist()] == theirs


def plain(value: Any) -> Any:
    """Times as UTC microseconds, maps as dicts: how two readers of one value may differ."""
    if isinstance(value, datetime):
        return round((value - EPOCH) / timedelta(microseconds=1))
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        pairs = [each for each in value if isinstance(each, tuple)]
        return dict(pairs) if pairs else [plain(inner) for inner in value]
    return value
