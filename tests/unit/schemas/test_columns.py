"""A batch to columns: the same values as the codec's, the same refusals, positions kept."""

import dataclasses
import io
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from fastavro import parse_schema, schemaless_writer

from schemas import columns
from schemas.arrow import arrow_schema
from schemas.codec import Codec, newest_shape
from schemas.columns import ColumnDecoder, Columns
from schemas.errors import ErrorClass, RecordError
from schemas.framing import frame, unframe
from schemas.registry import FileRegistry
from schemas.topics import DEAD_LETTERS, OTA_ACKS, TOPICS
from schemas.writing import varint
from tests import factories
from tests.random_records import mutated, plain, random_record

REGISTRY = FileRegistry()


@pytest.fixture
def codec() -> Codec:
    return Codec(REGISTRY)


@pytest.fixture
def decoder() -> ColumnDecoder:
    return ColumnDecoder(REGISTRY)


def _rows(decoded: Columns) -> list[Any]:
    rows: list[Any] = plain(decoded.rows.to_pylist(maps_as_pydicts="strict"))
    return rows


def _one_by_one(
    codec: Codec, topic: str, values: Sequence[bytes | None]
) -> tuple[dict[int, Any], dict[int, RecordError]]:
    records, errors = {}, {}
    for position, value in enumerate(values):
        try:
            records[position] = plain(codec.decode(topic, value))
        except RecordError as error:
            errors[position] = error
    return records, errors


def _assert_as_codec(
    codec: Codec, decoder: ColumnDecoder, topic: str, values: Sequence[bytes | None]
) -> Columns:
    decoded = decoder.decode(topic, values)
    records, errors = _one_by_one(codec, topic, values)
    assert decoded.positions.tolist() == list(records)
    assert _rows(decoded) == list(records.values())
    assert [(r.position, str(r.error), r.error.error_class) for r in decoded.refusals] == [
        (position, str(error), error.error_class) for position, error in errors.items()
    ]
    return decoded


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_columns_equal_what_the_codec_reads(
    codec: Codec, decoder: ColumnDecoder, topic: str
) -> None:
    rng = random.Random(f"columns {topic}")
    values = [codec.encode(topic, random_record(rng, topic)) for _ in range(60)]
    decoded = _assert_as_codec(codec, decoder, topic, values)
    assert decoded.rows.num_rows == 60
    assert decoded.rows.schema == arrow_schema(newest_shape(REGISTRY, topic))


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_mutated_batches_are_refused_as_the_codec_refuses(
    codec: Codec, decoder: ColumnDecoder, topic: str
) -> None:
    rng = random.Random(f"mutated {topic}")
    example = codec.encode(topic, factories.EXAMPLES[topic]())
    values: list[bytes | None] = [
        example if rng.random() < 0.7 else mutated(rng, example) for _ in range(200)
    ]
    values[17] = None
    _assert_as_codec(codec, decoder, topic, values)


def test_timestamps_are_int64_and_strings_are_strings(codec: Codec, decoder: ColumnDecoder) -> None:
    rows = decoder.decode(OTA_ACKS, [codec.encode(OTA_ACKS, factories.ota_ack())] * 3).rows
    assert rows.schema.field("device_ts").type == pa.int64()
    assert rows.schema.field("attempt").type == pa.int32()
    assert rows.schema.field("state").type == pa.string()


@pytest.mark.parametrize(
    ("old", "new", "field", "rule"),
    [
        (b"VEHICLE-ID", b"VEHICLE-I\xff", "device_id", "UTF-8"),
        (varint(77_777), varint(2**32 + 5), "attempt", "32 bits"),
        (varint(77_777), b"\xff" * 11 + b"\x01", "attempt", "at most 10 bytes"),
        (b"RELEASE\x02", b"RELEASE\x01", "model_digest", "branch"),
    ],
)
def test_what_the_decoder_lets_pass_is_refused(
    codec: Codec, decoder: ColumnDecoder, old: bytes, new: bytes, field: str, rule: str
) -> None:
    ack = factories.ota_ack(device_id="VEHICLE-ID", release_id="RELEASE", attempt=77_777)
    good = codec.encode(OTA_ACKS, ack)
    schema_id, body = unframe(good)
    assert body.count(old) == 1
    bad = frame(schema_id, body.replace(old, new))
    decoded = decoder.decode(OTA_ACKS, [good, bad, good])
    assert decoded.positions.tolist() == [0, 2]
    (refusal,) = decoded.refusals
    assert (refusal.position, refusal.error.field) == (1, field)
    assert rule in refusal.error.rule


@pytest.mark.parametrize("extra", [1, 7, 8, 9, 16])
def test_trailing_bytes_are_refused_even_those_that_look_like_the_end_mark(
    codec: Codec, decoder: ColumnDecoder, extra: int
) -> None:
    good = codec.encode(OTA_ACKS, factories.ota_ack())
    tails = [bytes(extra), (columns.END * 2)[1 : 1 + extra], (columns.END * 2)[-extra:]]
    for tail in tails:
        if tail.startswith(columns.END):
            continue  # 64 random bits of this process, which no sender knows
        decoded = decoder.decode(OTA_ACKS, [good, good + tail, good])
        assert decoded.positions.tolist() == [0, 2]
        assert decoded.refusals[0].error.error_class is ErrorClass.AVRO


def test_a_block_count_of_the_least_long_is_refused(codec: Codec, decoder: ColumnDecoder) -> None:
    event = factories.inference_event(shadow_encounters=(), shadow_differing=(), shadow_late=0)
    event = dataclasses.replace(event, shadow_judged=0, shadow_busy_us=0)
    schema_id, body = unframe(codec.encode("inference-events", event))
    assert body.endswith(bytes(4))  # differing encounters, and three numbers that are 0
    for count in (-(2**63), 2**63 - 1, -1, 2**40):
        bad = frame(schema_id, body[:-4] + varint(count) + bytes(3))
        _assert_as_codec(codec, decoder, "inference-events", [bad, bad])


def test_an_array_in_negative_and_several_blocks_is_read(
    codec: Codec, decoder: ColumnDecoder
) -> None:
    request = factories.label_request(frames=("AB", "CD"))
    schema_id, body = unframe(codec.encode("label-requests", request))
    written = varint(2) + b"\x04AB\x04CD" + b"\x00"
    blocks = varint(-1) + varint(3) + b"\x04AB" + varint(1) + b"\x04CD" + b"\x00"
    assert body.count(written) == 1
    value = frame(schema_id, body.replace(written, blocks))
    decoded = _assert_as_codec(codec, decoder, "label-requests", [value, value])
    assert _rows(decoded)[0]["frames"] == ["AB", "CD"]


def test_a_map_with_a_key_twice_is_refused(codec: Codec, decoder: ColumnDecoder) -> None:
    partial = factories.slo_partial(key={"KEY1": "a", "KEY2": "b"})
    good = codec.encode("slo-partials", partial)
    bad = good.replace(b"KEY2", b"KEY1")
    decoded = _assert_as_codec(codec, decoder, "slo-partials", [good, bad, good])
    assert decoded.refusals[0].error.rule == "a map has each key once"


def test_an_empty_batch_has_columns_and_no_rows(decoder: ColumnDecoder) -> None:
    decoded = decoder.decode(OTA_ACKS, [])
    assert decoded.rows.num_rows == 0
    assert "device_id" in decoded.rows.schema.names
    assert decoded.refusals == []


def test_a_batch_of_nothing_readable_is_all_refusals(codec: Codec, decoder: ColumnDecoder) -> None:
    values = [None, b"", b"\x00\x00\x00\x00\x07?", b"{}", b"\x00" * 40]
    decoded = _assert_as_codec(codec, decoder, "ota-acks", values)
    assert decoded.rows.num_rows == 0
    assert [refusal.error.error_class for refusal in decoded.refusals] == [
        ErrorClass.FRAMING,
        ErrorClass.FRAMING,
        ErrorClass.UNKNOWN_SCHEMA,
        ErrorClass.FRAMING,
        ErrorClass.UNKNOWN_SCHEMA,
    ]


def test_bytes_fields_are_kept_byte_for_byte(codec: Codec, decoder: ColumnDecoder) -> None:
    body = bytes(range(256))
    letter = factories.dead_letter(body=body, headers={"h": b"\x80\xff"}, key=None)
    rows = _rows(decoder.decode(DEAD_LETTERS, [codec.encode(DEAD_LETTERS, letter)] * 2))
    assert (rows[0]["body"], rows[0]["headers"], rows[0]["key"]) == (body, {"h": b"\x80\xff"}, None)


def _three_versions(root: Path) -> FileRegistry:
    """Version 3 is today's inference-events; 2 lacks fields and symbols, 1 had narrower types."""
    newest = json.loads(FileRegistry().versions("inference-events")[-1].text)
    folder = root / "inference-events"
    folder.mkdir()
    defaults: dict[str, Any] = {"region": "NOT_STATED", "flips": 7, "classes": [1, 2]}
    for field in newest["fields"]:
        if field["name"] in defaults:
            field["default"] = defaults[field["name"]]
        if field["name"] == "latency":
            scale = next(f for f in field["type"]["fields"] if f["name"] == "zero_count")
            scale["default"] = 5
    (folder / "3.avsc").write_text(json.dumps(newest))
    older = json.loads(json.dumps(newest))
    older["fields"] = [f for f in older["fields"] if f["name"] not in defaults]
    kinds = {field["name"]: field for field in older["fields"]}
    latency = kinds["latency"]["type"]
    latency["fields"] = [f for f in latency["fields"] if f["name"] != "zero_count"]
    kinds["device_class"]["type"]["symbols"].append("SHIP")
    (folder / "2.avsc").write_text(json.dumps(older))
    kinds["deadline_us"]["type"] = "int"
    kinds["energy_j"]["type"] = "long"
    del kinds["energy_j"]["default"]
    (folder / "1.avsc").write_text(json.dumps(older))
    return FileRegistry(root)


def test_batches_of_mixed_versions_become_columns_of_the_newest(tmp_path: Path) -> None:
    registry = _three_versions(tmp_path)
    codec, decoder = Codec(registry), ColumnDecoder(registry)
    rng = random.Random("mixed versions")
    values: list[bytes | None] = []
    for number in range(60):
        stored = registry.versions("inference-events")[number % 3]
        values.append(frame(stored.schema_id, _body_of(stored.text, rng)))
    values[10] = b"\x01" + (values[10] or b"")[1:]
    values[20] = (values[20] or b"")[:-1]
    decoded = _assert_as_codec(codec, decoder, "inference-events", values)
    assert decoded.rows.num_rows == 58
    filled = [row for row in _rows(decoded) if row["region"] == "NOT_STATED"]
    assert len(filled) >= 38
    assert all(row["classes"] == [1, 2] and row["flips"] == 7 for row in filled)
    assert {row["device_class"] for row in filled} == {"UNKNOWN", "VEHICLE"}


def _body_of(schema: str, rng: random.Random) -> bytes:
    """A record of an older schema, as fastavro writes it."""
    datum = plain(factories.inference_event(late=rng.randrange(9)))
    datum["energy_j"] = rng.randrange(2**40)
    if "SHIP" in schema and rng.random() < 0.5:
        datum["device_class"] = "SHIP"
    out = io.BytesIO()
    schemaless_writer(out, parse_schema(json.loads(schema)), datum)
    return out.getvalue()
