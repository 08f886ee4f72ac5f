"""Records to bytes and back: every topic, every version, and no error but RecordError."""

import io
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastavro import parse_schema, schemaless_reader, schemaless_writer

from schemas import records
from schemas.codec import Codec
from schemas.errors import ErrorClass, RecordError, UnknownSchemaError
from schemas.framing import frame, unframe
from schemas.registry import FileRegistry
from schemas.topics import DEVICES, INFERENCE_EVENTS, OTA_ACKS, TOPICS
from schemas.writing import varint
from tests import factories
from tests.random_records import mutated, plain, random_record

REGISTRY = FileRegistry()


@pytest.fixture
def codec() -> Codec:
    return Codec(REGISTRY)


def _without_logical_types(node: Any) -> Any:
    if isinstance(node, dict):
        return {k: _without_logical_types(v) for k, v in node.items() if k != "logicalType"}
    return [_without_logical_types(item) for item in node] if isinstance(node, list) else node


def _fastavro_schema(topic: str) -> Any:
    text = REGISTRY.schema(REGISTRY.schema_id(topic))
    return parse_schema(_without_logical_types(json.loads(text)))


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_a_record_comes_back_as_it_was(codec: Codec, topic: str) -> None:
    record = factories.EXAMPLES[topic]()
    assert codec.decode(topic, codec.encode(TOPICS[topic], record)) == record


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_fastavro_reads_what_we_write_and_writes_what_we_read(codec: Codec, topic: str) -> None:
    rng, schema = random.Random(f"fastavro {topic}"), _fastavro_schema(topic)
    for _ in range(40):
        record = random_record(rng, topic)
        schema_id, body = unframe(codec.encode(topic, record))
        read = schemaless_reader(io.BytesIO(body), schema, None)
        assert read == plain(record)
        out = io.BytesIO()
        schemaless_writer(out, schema, read)
        assert codec.decode(topic, frame(schema_id, out.getvalue())) == record


def test_decoded_values_have_the_types_of_the_record(codec: Codec) -> None:
    event = factories.inference_event()
    again = codec.decode(INFERENCE_EVENTS, codec.encode(INFERENCE_EVENTS, event))
    assert type(again.device_class) is records.DeviceClass
    assert type(again.window_start) is int
    assert type(again.latency.counts) is tuple
    assert type(again.exemplars[0]) is records.Exemplar


def test_no_bytes_raise_anything_but_a_record_error(codec: Codec) -> None:
    rng = random.Random(20_000)
    examples = {topic: codec.encode(topic, make()) for topic, make in factories.EXAMPLES.items()}
    refused = 0
    for _ in range(20_000):
        topic = rng.choice(list(examples))
        try:
            codec.decode(topic, mutated(rng, examples[topic]))
        except RecordError:
            refused += 1
    assert 10_000 < refused < 20_000


@pytest.mark.parametrize(
    ("change", "field", "rule"),
    [
        ({"late": 2**31}, "late", "32 bits"),
        ({"deadline_us": 2**63}, "deadline_us", "64 bits"),
        ({"late": "3"}, "late", "type"),
        ({"late": 2.5}, "late", "type"),
        ({"late": None}, "late", "type"),
        ({"device_id": 7}, "device_id", "type"),
        ({"device_id": "\ud800"}, "device_id", "Unicode"),
        ({"device_class": "SHIP"}, "device_class", "one of UNKNOWN, VEHICLE, ROBOT"),
        ({"energy_j": "much"}, "energy_j", "type"),
        ({"classes": (1, 2**40)}, "classes", "32 bits"),
        ({"exemplars": (factories.exemplar(top1=2**40),)}, "exemplars.top1", "32 bits"),
        ({"latency": factories.latency_histogram(counts=("a",))}, "latency.counts", "type"),
    ],
)
def test_a_value_that_does_not_fit_its_field_is_named(
    codec: Codec, change: dict[str, Any], field: str, rule: str
) -> None:
    event = replace(factories.inference_event(), **change)
    with pytest.raises(RecordError, match=rule) as caught:
        codec.encode(INFERENCE_EVENTS, event)
    assert (caught.value.field, caught.value.error_class) == (field, ErrorClass.INVALID)


def test_a_record_of_another_topic_is_refused(codec: Codec) -> None:
    with pytest.raises(RecordError, match="topic devices holds Device"):
        codec.encode(DEVICES, factories.ota_ack())


def test_a_schema_of_another_topic_is_refused(codec: Codec) -> None:
    value = codec.encode(OTA_ACKS, factories.ota_ack())
    with pytest.raises(UnknownSchemaError, match="OtaAck cannot be read as record Device"):
        codec.decode(DEVICES, value)


def test_an_unknown_schema_id_is_refused(codec: Codec) -> None:
    with pytest.raises(UnknownSchemaError, match="schema_id: 7:"):
        codec.decode(DEVICES, frame(7, b""))


def test_an_unknown_topic_is_refused(codec: Codec) -> None:
    with pytest.raises(UnknownSchemaError, match="unheard-of"):
        codec.encode("unheard-of", factories.device())


def _body(codec: Codec, record: records.OtaAck) -> tuple[int, bytes]:
    return unframe(codec.encode(OTA_ACKS, record))


@pytest.mark.parametrize(
    ("old", "new", "field", "rule"),
    [
        (b"VEHICLE-ID", b"VEHICLE-I\xff", "device_id", "UTF-8"),
        (varint(77_777), varint(2**40), "attempt", "32 bits"),
        (varint(77_777), b"\xff" * 11 + b"\x01", "attempt", "at most 10 bytes"),
        (varint(10) + b"VEHICLE-ID", varint(-10) + b"VEHICLE-ID", "device_id", "length"),
        (varint(10) + b"VEHICLE-ID", varint(10_000) + b"VEHICLE-ID", "device_id", "length"),
        (varint(10) + b"VEHICLE-ID\x02", varint(10) + b"VEHICLE-ID\x07", "device_class", "index"),
        (varint(10) + b"VEHICLE-ID\x02", varint(10) + b"VEHICLE-ID\x01", "device_class", "index"),
        (b"RELEASE\x02", b"RELEASE\x01", "model_digest", "branch"),
        (b"RELEASE\x02", b"RELEASE\x06", "model_digest", "branch"),
        (varint(88_888) + b"\x01", varint(88_888) + b"\x02", "preconditions.parked", "boolean"),
    ],
)
def test_a_malformed_field_is_named(
    codec: Codec, old: bytes, new: bytes, field: str, rule: str
) -> None:
    ack = factories.ota_ack(
        device_id="VEHICLE-ID", release_id="RELEASE", attempt=77_777, wave=88_888
    )
    schema_id, body = _body(codec, ack)
    assert body.count(old) == 1
    with pytest.raises(RecordError, match=rule) as caught:
        codec.decode(OTA_ACKS, frame(schema_id, body.replace(old, new)))
    assert (caught.value.field, caught.value.error_class) == (field, ErrorClass.AVRO)


def test_bytes_after_the_record_are_refused(codec: Codec) -> None:
    schema_id, body = _body(codec, factories.ota_ack())
    with pytest.raises(RecordError, match="nothing follows the record; 2 bytes do"):
        codec.decode(OTA_ACKS, frame(schema_id, body + b"\x00\x00"))


def test_every_shorter_body_is_refused(codec: Codec) -> None:
    schema_id, body = _body(codec, factories.ota_ack())
    for length in range(len(body)):
        with pytest.raises(RecordError):
            codec.decode(OTA_ACKS, frame(schema_id, body[:length]))


def _two_versions(root: Path, topic: str, change: Any) -> FileRegistry:
    """The packaged schema as version 2, and what `change` makes of it as version 1."""
    newest = json.loads(FileRegistry().versions(topic)[-1].text)
    (root / topic).mkdir()
    (root / topic / "2.avsc").write_text(json.dumps(newest))
    change(newest)
    (root / topic / "1.avsc").write_text(json.dumps(newest))
    return FileRegistry(root)


def _written_by_version_1(registry: FileRegistry, topic: str, datum: dict[str, Any]) -> bytes:
    old = registry.versions(topic)[0]
    out = io.BytesIO()
    schemaless_writer(out, parse_schema(_without_logical_types(json.loads(old.text))), datum)
    return frame(old.schema_id, out.getvalue())


def test_an_old_record_gets_the_defaults_of_new_fields(tmp_path: Path) -> None:
    dropped = {"reason_code", "model_digest"}

    def change(schema: dict[str, Any]) -> None:
        schema["fields"] = [f for f in schema["fields"] if f["name"] not in dropped]

    registry = _two_versions(tmp_path, "ota-acks", change)
    newest = tmp_path / "ota-acks" / "2.avsc"
    schema = json.loads(newest.read_text())
    next(f for f in schema["fields"] if f["name"] == "reason_code")["default"] = "NONE"
    newest.write_text(json.dumps(schema))
    registry = FileRegistry(tmp_path)
    ack = factories.ota_ack()
    value = _written_by_version_1(registry, "ota-acks", plain(ack))
    expected = replace(ack, reason_code="NONE", model_digest=None)
    assert Codec(registry).decode("ota-acks", value) == expected


def test_a_symbol_that_the_newest_version_does_not_know_is_unknown(tmp_path: Path) -> None:
    def change(schema: dict[str, Any]) -> None:
        state = next(f for f in schema["fields"] if f["name"] == "state")
        state["type"]["symbols"].append("TELEPORTED")

    registry = _two_versions(tmp_path, "ota-acks", change)
    value = _written_by_version_1(
        registry, "ota-acks", plain(factories.ota_ack()) | {"state": "TELEPORTED"}
    )
    ack = Codec(registry).decode("ota-acks", value)
    assert ack.state is records.AckState.UNKNOWN


def test_a_field_that_was_narrower_or_not_nullable_is_widened(tmp_path: Path) -> None:
    def change(schema: dict[str, Any]) -> None:
        kinds = {field["name"]: field for field in schema["fields"]}
        kinds["deadline_us"]["type"] = "int"
        kinds["energy_j"]["type"] = "float"
        del kinds["energy_j"]["default"]

    registry = _two_versions(tmp_path, "inference-events", change)
    event = factories.inference_event(energy_j=12.5)
    value = _written_by_version_1(registry, "inference-events", plain(event))
    assert Codec(registry).decode("inference-events", value) == event
