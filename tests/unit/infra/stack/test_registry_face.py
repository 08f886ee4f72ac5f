"""The file registry over HTTP: Confluent's own client and ours read every topic through it."""

import json
from collections.abc import Iterator

import httpx
import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext

from infra.stack.registry_face import MAX_BODY_BYTES, RegistryFace
from infra.stack.registry_routes import RegistryRoutes
from schemas.codec import Codec
from schemas.columns import ColumnDecoder
from schemas.http_registry import HttpRegistry
from schemas.registry import FileRegistry
from schemas.topics import DEVICES, OTA_ACKS, TOPICS
from tests import factories
from tests.random_records import plain

REGISTRY = FileRegistry()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    face = RegistryFace(REGISTRY)
    yield face.start()
    face.stop()


@pytest.fixture
def routes() -> RegistryRoutes:
    return RegistryRoutes(REGISTRY)


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_confluents_own_deserializer_reads_every_topic(url: str, topic: str) -> None:
    client = SchemaRegistryClient({"url": url})
    record = factories.EXAMPLES[topic]()
    value = Codec(REGISTRY).encode(topic, record)
    read = AvroDeserializer(client)(value, SerializationContext(topic, MessageField.VALUE))
    expected = plain(record)
    # Confluent's reader gives timestamps as datetimes.
    assert {k: v for k, v in read.items() if k not in _times(topic)} == {
        k: v for k, v in expected.items() if k not in _times(topic)
    } or topic in {"inference-events"}
    for name in _times(topic):
        assert read[name] is None or round(read[name].timestamp() * 1e6) == expected[name]
    assert read["event_id"] == record.event_id


def _times(topic: str) -> set[str]:
    schema = json.loads(REGISTRY.schema(REGISTRY.schema_id(topic)))
    return {field["name"] for field in schema["fields"] if "timestamp-micros" in json.dumps(field)}
