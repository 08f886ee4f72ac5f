"""The file registry over HTTP: Confluent's own client and ours read every topic through it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext

import schemas
from infra.stack.registry_face import MAX_BODY_BYTES, RegistryFace
from infra.stack.registry_routes import RegistryRoutes
from schemas.codec import Codec
from schemas.columns import ColumnDecoder
from schemas.http_registry import HttpRegistry
from schemas.registry import FileRegistry
from schemas.topics import OTA_ACKS, TOPICS
from tests import factories
from tests.random_records import plain

REGISTRY = FileRegistry()
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    face = RegistryFace(REGISTRY)
    yield face.start()
    face.stop()


@pytest.fixture
def client(url: str) -> Iterator[SchemaRegistryClient]:
    with SchemaRegistryClient({"url": url}) as opened:
        yield opened


@pytest.fixture
def routes() -> RegistryRoutes:
    return RegistryRoutes(REGISTRY)


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_confluents_own_deserializer_reads_every_topic(
    client: SchemaRegistryClient, topic: str
) -> None:
    record = factories.EXAMPLES[topic]()
    value = Codec(REGISTRY).encode(topic, record)
    read = AvroDeserializer(client)(value, SerializationContext(topic, MessageField.VALUE))
    assert _in_micros(read) == plain(record)


def _in_micros(value: Any) -> Any:
    """Confluent's reader gives timestamps as datetimes."""
    if isinstance(value, dict):
        return {name: _in_micros(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_in_micros(item) for item in value]
    if isinstance(value, datetime):
        return (value - EPOCH) // timedelta(microseconds=1)
    return value


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_our_own_client_reads_every_topic(url: str, topic: str) -> None:
    registry = HttpRegistry(url)
    record = factories.EXAMPLES[topic]()
    value = Codec(registry).encode(topic, record)
    assert value == Codec(REGISTRY).encode(topic, record)
    assert Codec(registry).decode(topic, value) == record
    assert ColumnDecoder(registry).decode(topic, [value] * 2).rows.num_rows == 2
    registry.close()


def test_confluents_client_finds_every_subject_and_version(client: SchemaRegistryClient) -> None:
    assert client.get_subjects() == sorted(spec.subject for spec in TOPICS.values())
    for spec in TOPICS.values():
        latest = client.get_latest_version(spec.subject)
        assert latest.schema_id == REGISTRY.schema_id(spec)
        known = [stored.version for stored in REGISTRY.versions(spec)]
        assert client.get_versions(spec.subject) == known
        assert latest.version == known[-1]
        assert client.lookup_schema(spec.subject, latest.schema).version == latest.version
        assert client.get_compatibility(spec.subject) == spec.compatibility
        assert client.register_schema(spec.subject, latest.schema) == latest.schema_id
        assert client.test_compatibility(spec.subject, latest.schema)


def test_confluents_client_is_told_what_is_missing(client: SchemaRegistryClient) -> None:
    with pytest.raises(SchemaRegistryError) as caught:
        client.get_latest_version("unheard-of")
    assert (caught.value.http_status_code, caught.value.error_code) == (404, 40401)
    with pytest.raises(SchemaRegistryError) as caught:
        client.get_schema(7)
    assert (caught.value.http_status_code, caught.value.error_code) == (404, 40403)


NEWEST = json.loads(REGISTRY.schema(REGISTRY.schema_id(OTA_ACKS)))
WITHOUT_DEFAULT = NEWEST | {"fields": [*NEWEST["fields"], {"name": "x", "type": "string"}]}
ID = REGISTRY.schema_id(OTA_ACKS)
SUBJECT = "/subjects/ota-acks-value"
AVRO = Path(schemas.__file__).parent / "avro" / "ota-acks"
VERSIONS = sorted(int(path.stem) for path in AVRO.glob("*.avsc"))


def _offer(schema: Any) -> bytes:
    return json.dumps({"schema": json.dumps(schema)}).encode()


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/schemas/ids/7", b"", 404, 40403),
        ("GET", "/schemas/ids/7/versions", b"", 404, 40403),
        ("GET", "/subjects/none/versions", b"", 404, 40401),
        ("GET", "/subjects/none/versions/1", b"", 404, 40401),
        ("GET", f"{SUBJECT}/versions/{VERSIONS[-1] + 1}", b"", 404, 40402),
        ("GET", f"{SUBJECT}/versions/0", b"", 422, 42202),
        ("GET", f"{SUBJECT}/versions/newest", b"", 422, 42202),
        ("POST", "/subjects/none", _offer(NEWEST), 404, 40401),
        ("POST", SUBJECT, _offer("string"), 404, 40403),
        ("POST", SUBJECT, b"not json", 422, 42201),
        ("POST", SUBJECT, b"[]", 422, 42201),
        ("POST", SUBJECT, b'{"schema": "{"}', 422, 42201),
        ("POST", f"{SUBJECT}/versions", _offer(WITHOUT_DEFAULT), 422, 42205),
        ("POST", f"{SUBJECT}/versions", b"{}", 422, 42201),
        ("GET", "/nothing", b"", 404, 404),
        ("PUT", "/config", b"", 405, 405),
        ("DELETE", SUBJECT, b"", 405, 405),
    ],
)
def test_an_error_carries_confluents_code(
    routes: RegistryRoutes, method: str, path: str, body: bytes, status: int, code: int
) -> None:
    answer = routes.answer(method, path, body)
    assert (answer.status, answer.body["error_code"]) == (status, code)
    assert answer.body["message"]


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("GET", "/", b"", {}),
        ("GET", "/schemas/types", b"", ["AVRO"]),
        ("GET", f"/schemas/ids/{ID}/schema", b"", NEWEST),
        (
            "GET",
            f"/schemas/ids/{ID}/versions",
            b"",
            [{"subject": "ota-acks-value", "version": VERSIONS[-1]}],
        ),
        ("GET", f"{SUBJECT}/versions", b"", VERSIONS),
        ("GET", f"{SUBJECT}/versions/latest/schema", b"", NEWEST),
        ("GET", "/config", b"", {"compatibilityLevel": "BACKWARD_TRANSITIVE"}),
        ("GET", "/config/ota-acks-value", b"", {"compatibilityLevel": "FULL_TRANSITIVE"}),
        ("GET", "/mode", b"", {"mode": "READONLY"}),
        ("POST", f"/compatibility{SUBJECT}/versions/1", _offer(NEWEST), {"is_compatible": True}),
        (
            "POST",
            f"/compatibility{SUBJECT}/versions",
            _offer(WITHOUT_DEFAULT),
            {"is_compatible": False},
        ),
    ],
)
def test_a_route_answers(
    routes: RegistryRoutes, method: str, path: str, body: bytes, expected: Any
) -> None:
    answer = routes.answer(method, path, body)
    assert (answer.status, answer.body) == (200, expected)


def test_a_compatibility_check_tells_why_when_asked(routes: RegistryRoutes) -> None:
    path = f"/compatibility{SUBJECT}/versions/latest"
    answer = routes.answer("POST", path, _offer(WITHOUT_DEFAULT), verbose=True)
    (message,) = answer.body["messages"]
    assert message.startswith("x: new field x")


def test_a_body_that_is_too_long_is_not_read(url: str) -> None:
    body = b" " * (MAX_BODY_BYTES + 1)
    answer = httpx.post(f"{url}{SUBJECT}", content=body)
    assert answer.status_code == 413


def test_the_port_is_closed_when_it_stops() -> None:
    face = RegistryFace(REGISTRY)
    address = face.start()
    assert httpx.get(address).json() == {}
    face.stop()
    face.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(address)
