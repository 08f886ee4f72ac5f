"""The part of Avro that the schemas here use, as a tree of types with no loops in it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

PRIMITIVES: Final = frozenset({"boolean", "int", "long", "float", "double", "string", "bytes"})
INT_MIN: Final = -(2**31)
INT_MAX: Final = 2**31 - 1
LONG_MIN: Final = -(2**63)
LONG_MAX: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Primitive:
    """boolean, int, long, float, double, string or bytes; logical types are left out."""

    name: str


@dataclass(frozen=True, slots=True)
class EnumShape:
    """An enum: written as the index of its symbol."""

    name: str
    symbols: tuple[str, ...]
    default: str | None


@dataclass(frozen=True, slots=True)
class ArrayShape:
    """An array."""

    items: "Shape"


@dataclass(frozen=True, slots=True)
class MapShape:
    """A map from strings."""

    values: "Shape"


@dataclass(frozen=True, slots=True)
class NullableShape:
    """A union of null and one other type; `null_index` is the branch that null is written as."""

    of: "Shape"
    null_index: int


@dataclass(frozen=True, slots=True)
class FieldShape:
    """One field of a record; `default` is JSON and means something when `has_default`."""

    name: str
    shape: "Shape"
    has_default: bool
    default: Any


@dataclass(frozen=True, slots=True)
class RecordShape:
    """A record."""

    name: str
    fields: tuple[FieldShape, ...]

    def field(self, name: str) -> FieldShape | None:
        """The field of that name."""
        return next((field for field in self.fields if field.name == name), None)


Shape: TypeAlias = Primitive | EnumShape | ArrayShape | MapShape | NullableShape | RecordShape


class UnsupportedSchemaError(ValueError):
    """A schema uses a type that the records here do not have."""


def parse_record(text: str) -> RecordShape:
    """Read the schema of a record.

    Raises:
        UnsupportedSchemaError: It is no record, or holds fixed, a recursive type or a union
            other than of null and one type; the message names the path.
    """
    shape = _parse(json.loads(text), {}, "")
    if not isinstance(shape, RecordShape):
        raise UnsupportedSchemaError(f"a value schema is a record, not {shape}")
    return shape


def _parse(node: Any, named: dict[str, Shape | None], path: str) -> Shape:  # noqa: PLR0911 - one return for each kind of shape
    if isinstance(node, list):
        return _parse_union(node, named, path)
    if isinstance(node, str):
        return _parse_name(node, named, path)
    kind = node["type"]
    if kind == "record":
        return _parse_record(node, named, path)
    if kind == "enum":
        shape: Shape = EnumShape(_short(node["name"]), tuple(node["symbols"]), node.get("default"))
        named[_short(node["name"])] = shape
        return shape
    if kind == "array":
        return ArrayShape(_parse(node["items"], named, f"{path}[]"))
    if kind == "map":
        return MapShape(_parse(node["values"], named, f"{path}{{}}"))
    return _parse(kind, named, path)


def _parse_name(name: str, named: Mapping[str, Shape | None], path: str) -> Shape:
    if name in PRIMITIVES:
        return Primitive(name)
    shape = named.get(_short(name))
    if shape is None:
        raise UnsupportedSchemaError(
            f"{path or 'schema'}: type {name!r} is unknown, recursive or not used by records here"
        )
    return shape


def _parse_union(branches: list[Any], named: dict[str, Shape | None], path: str) -> Shape:
    if len(branches) != 2 or "null" not in branches:
        raise UnsupportedSchemaError(f"{path}: a union is of null and one other type")
    null_index = branches.index("null")
    return NullableShape(_parse(branches[1 - null_index], named, path), null_index)


def _parse_record(
    node: Mapping[str, Any], named: dict[str, Shape | None], path: str
) -> RecordShape:
    name = _short(node["name"])
    named[name] = None  # stands for itself inside itself: a loop
    fields = tuple(
        FieldShape(
            field["name"],
            _parse(field["type"], named, f"{path}.{field['name']}".lstrip(".")),
            "default" in field,
            field.get("default"),
        )
        for field in node["fields"]
    )
    shape = RecordShape(name, fields)
    named[name] = shape
    return shape


def _short(name: str) -> str:
    return name.rsplit(".", 1)[-1]
