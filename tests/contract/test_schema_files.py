"""Schema files, record dataclasses and topics tell the same story."""

import dataclasses
import json
import types
import typing
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

import pytest

from schemas import records
from schemas.codec import newest_shape
from schemas.record_types import RECORD_TYPES, Record
from schemas.registry import FileRegistry
from schemas.shapes import (
    ArrayShape,
    EnumShape,
    MapShape,
    NullableShape,
    Primitive,
    RecordShape,
    Shape,
)
from schemas.topics import TOPICS
from schemas.versions import stored_versions

PYTHON = {
    "boolean": bool,
    "int": int,
    "long": int,
    "float": float,
    "double": float,
    "string": str,
    "bytes": bytes,
}


def _nodes(node: Any, path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every JSON object of a schema, fields included."""
    if isinstance(node, list):
        for item in node:
            yield from _nodes(item, path)
    elif isinstance(node, dict):
        yield path, node
        for key in ("type", "items", "values", "fields"):
            if key in node:
                yield from _nodes(node[key], f"{path}.{node.get('name', key)}")


def _disagreements(  # noqa: C901, PLR0912 - one case for each kind of shape
    shape: Shape, annotation: Any, path: str
) -> Iterator[str]:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    match shape:
        case NullableShape():
            if origin is not types.UnionType or type(None) not in arguments:
                yield f"{path}: nullable, but declared {annotation}"
                return
            (inner,) = (item for item in arguments if item is not type(None))
            yield from _disagreements(shape.of, inner, path)
        case ArrayShape():
            if origin is not tuple or arguments[1:] != (...,):
                yield f"{path}: an array, but declared {annotation}"
                return
            yield from _disagreements(shape.items, arguments[0], f"{path}[]")
        case MapShape():
            if origin is not Mapping or arguments[0] is not str:
                yield f"{path}: a map, but declared {annotation}"
                return
            yield from _disagreements(shape.values, arguments[1], f"{path}{{}}")
        case EnumShape():
            declared = getattr(records, shape.name)
            symbols = [member.value for member in declared]
            if annotation is not declared or not issubclass(declared, StrEnum):
                yield f"{path}: enum {shape.name}, but declared {annotation}"
            if symbols != list(shape.symbols):
                yield f"{path}: symbols {shape.symbols}, but members {symbols}"
        case RecordShape():
            if annotation is not getattr(records, shape.name):
                yield f"{path}: record {shape.name}, but declared {annotation}"
                return
            yield from _record_disagreements(shape, annotation, path)
        case Primitive():
            if annotation is not PYTHON[shape.name]:
                yield f"{path}: {shape.name}, but declared {annotation}"


def _record_disagreements(shape: RecordShape, made: Any, path: str) -> Iterator[str]:
    names = [field.name for field in dataclasses.fields(made)]
    if names != [field.name for field in shape.fields]:
        yield f"{path}: fields {[field.name for field in shape.fields]}, but declared {names}"
        return
    hints = typing.get_type_hints(made)
    for field, declared in zip(shape.fields, dataclasses.fields(made), strict=True):
        where = f"{path}.{field.name}"
        yield from _disagreements(field.shape, hints[field.name], where)
        optional = declared.default is None
        if optional != (isinstance(field.shape, NullableShape) and field.default is None):
            yield f"{where}: the default null of schema and dataclass differ"
    if not made.__dataclass_params__.frozen:
        yield f"{path}: {made.__name__} is not frozen"


def test_every_topic_has_one_record_type() -> None:
    assert set(RECORD_TYPES) == set(TOPICS)
    assert set(RECORD_TYPES.values()) == set(typing.get_args(Record))


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_dataclass_and_newest_schema_agree(topic: str) -> None:
    shape = newest_shape(FileRegistry(), topic)
    assert list(_disagreements(shape, RECORD_TYPES[topic], topic)) == []


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_the_key_is_a_field_of_text(topic: str) -> None:
    key = newest_shape(FileRegistry(), topic).field(TOPICS[topic].key)
    assert key is not None
    assert key.shape == Primitive("string")


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_every_record_field_and_enum_is_told_of(topic: str) -> None:
    for stored in stored_versions(topic):
        for path, node in _nodes(json.loads(stored.text)):
            named = "name" in node
            assert not named or len(node.get("doc", "")) >= 3, f"{path}.{node.get('name')}: no doc"


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_every_enum_has_unknown_as_its_default(topic: str) -> None:
    for stored in stored_versions(topic):
        for path, node in _nodes(json.loads(stored.text)):
            if node.get("type") == "enum":
                assert (node["symbols"][0], node["default"]) == ("UNKNOWN", "UNKNOWN"), path


@pytest.mark.parametrize(
    "topic", sorted(name for name, spec in TOPICS.items() if spec.from_devices)
)
def test_topics_of_devices_hold_nothing_that_the_batch_decoder_cannot_read(topic: str) -> None:
    for stored in stored_versions(topic):
        for path, node in _nodes(json.loads(stored.text)):
            kinds = {node.get("type") if isinstance(node.get("type"), str) else ""}
            kinds |= {
                item for item in (node.get("items"), node.get("values")) if isinstance(item, str)
            }
            if isinstance(node.get("type"), list):
                kinds |= {item for item in node["type"] if isinstance(item, str)}
            assert not kinds & {"bytes", "fixed"}, f"{topic}{path}"
            assert node.get("logicalType") in {None, "timestamp-micros"}, f"{topic}{path}"


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_timestamps_are_micros_and_named_so(topic: str) -> None:
    for path, node in _nodes(json.loads(stored_versions(topic)[-1].text)):
        if isinstance(node.get("type"), dict) and node["type"].get("logicalType"):
            assert node["type"] == {"type": "long", "logicalType": "timestamp-micros"}, path
