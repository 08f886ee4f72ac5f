"""A strict reader of Avro bodies that resolves a writer's version to the newest as it reads.

It takes exactly what the column decoder takes, so that no record is read by one reader and
refused by another: fastavro also accepts a boolean byte of 7, a union branch of -1 and an
11-byte varint.
"""

import struct
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, TypeAlias

from schemas.shapes import (
    INT_MAX,
    INT_MIN,
    ArrayShape,
    EnumShape,
    MapShape,
    NullableShape,
    Primitive,
    RecordShape,
    Shape,
)

Read: TypeAlias = Callable[[bytes, int], tuple[Any, int]]

VARINT_BYTES: Final = 10
UINT64: Final = 2**64 - 1
_DOUBLE: Final = struct.Struct("<d")
_FLOAT: Final = struct.Struct("<f")


class MalformedError(ValueError):
    """Bytes that are not a datum of their schema: dotted path, value and rule."""

    def __init__(self, value: Any, rule: str, path: str = "") -> None:
        super().__init__(value, rule, path)
        self.value = value
        self.rule = rule
        self.path = path

    def inside(self, name: str) -> "MalformedError":
        """The same, seen from the record around it."""
        path = name if not self.path else f"{name}.{self.path}"
        return MalformedError(self.value, self.rule, path)


class IncompatibleError(ValueError):
    """A writer's schema cannot be read as the newest one."""


class Build(Protocol):
    """What values are made into."""

    def record(self, shape: RecordShape) -> Callable[[Sequence[Any]], Any]:
        """Maker of a record from its fields in order."""

    def symbol(self, shape: EnumShape, name: str) -> Any:
        """Value of an enum's symbol."""

    def array(self, items: list[Any]) -> Any:
        """Value of an array."""

    def mapping(self, entries: dict[str, Any]) -> Any:
        """Value of a map."""


def reader(writer: Shape, target: Shape, build: Build) -> Read:  # noqa: PLR0911 - one return for each kind of shape
    """Reader of what `writer` wrote, giving values of `target` (Avro schema resolution).

    Raises:
        IncompatibleError: `target` cannot stand for `writer`.
    """
    match writer, target:
        case RecordShape(), RecordShape():
            return _record(writer, target, build)
        case EnumShape(), EnumShape():
            return _enum(writer, target, build)
        case ArrayShape(items=written), ArrayShape(items=wanted):
            return _array(reader(written, wanted, build), build)
        case MapShape(values=written), MapShape(values=wanted):
            return _map(reader(written, wanted, build), build)
        case NullableShape(), NullableShape():
            return _nullable(reader(writer.of, target.of, build), writer.null_index)
        case _, NullableShape() if not isinstance(writer, NullableShape):
            return reader(writer, target.of, build)
        case Primitive(), Primitive():
            return _primitive(writer, target)
        case _:
            raise IncompatibleError(f"{_told(writer)} cannot be read as {_told(target)}")


def default_value(shape: Shape, default: Any, build: Build) -> Any:  # noqa: PLR0911 - one return for each kind of shape
    """A field's JSON default as the value a reader gives."""
    match shape:
        case NullableShape():
            return None if default is None else default_value(shape.of, default, build)
        case RecordShape():
            values = [
                default_value(field.shape, default.get(field.name, field.default), build)
                for field in shape.fields
            ]
            return build.record(shape)(values)
        case EnumShape():
            return build.symbol(shape, default)
        case ArrayShape():
            return build.array([default_value(shape.items, item, build) for item in default])
        case MapShape():
            entries = {
                name: default_value(shape.values, item, build) for name, item in default.items()
            }
            return build.mapping(entries)
        case Primitive(name="bytes"):
            return default.encode("latin-1")
        case Primitive(name="float" | "double"):
            return float(default)
        case _:
            return default


def _record(writer: RecordShape, target: RecordShape, build: Build) -> Read:
    if writer.name != target.name:
        raise IncompatibleError(f"record {writer.name} cannot be read as record {target.name}")
    names = [field.name for field in target.fields]
    template = [_absent(writer, target, name, build) for name in names]
    steps = []
    for field in writer.fields:
        wanted = target.field(field.name)
        shape = field.shape if wanted is None else wanted.shape
        index = names.index(field.name) if wanted is not None else len(names)
        steps.append((field.name, index, reader(field.shape, shape, build)))
    template.append(None)  # where fields land that the target has not
    make = build.record(target)

    def read(body: bytes, at: int) -> tuple[Any, int]:
        values = template.copy()
        for name, index, read_field in steps:
            try:
                values[index], at = read_field(body, at)
            except MalformedError as error:
                raise error.inside(name) from None
            except IndexError:
                raise MalformedError(len(body), "the body ends inside this field", name) from None
        return make(values[:-1]), at

    return read


def _absent(writer: RecordShape, target: RecordShape, name: str, build: Build) -> Any:
    field = target.field(name)
    if field is None or writer.field(name) is not None:
        return None
    if not field.has_default:
        raise IncompatibleError(f"{target.name}.{name} is missing in the writer and has no default")
    return default_value(field.shape, field.default, build)


def _enum(writer: EnumShape, target: EnumShape, build: Build) -> Read:
    members = []
    for symbol in writer.symbols:
        name = symbol if symbol in target.symbols else target.default
        if name is None:
            raise IncompatibleError(f"enum {target.name} has no symbol {symbol} and no default")
        members.append(build.symbol(target, name))

    def read(body: bytes, at: int) -> tuple[Any, int]:
        index, at = read_long(body, at)
        if not 0 <= index < len(members):
            raise MalformedError(index, f"an index of {writer.name} is in [0, {len(members)})")
        return members[index], at

    return read


def _array(read_item: Read, build: Build) -> Read:
    def read(body: bytes, at: int) -> tuple[Any, int]:
        items: list[Any] = []
        count, at = _block(body, at)
        while count:
            for _ in range(count):
                item, at = read_item(body, at)
                items.append(item)
            count, at = _block(body, at)
        return build.array(items), at

    return read


def _map(read_value: Read, build: Build) -> Read:
    def read(body: bytes, at: int) -> tuple[Any, int]:
        entries: dict[str, Any] = {}
        count, at = _block(body, at)
        while count:
            for _ in range(count):
                key, at = read_string(body, at)
                if key in entries:
                    raise MalformedError(key, "a map has each key once")
                entries[key], at = read_value(body, at)
            count, at = _block(body, at)
        return build.mapping(entries), at

    return read


def _block(body: bytes, at: int) -> tuple[int, int]:
    count, at = read_long(body, at)
    if count < 0:
        count = -count
        _, at = read_long(body, at)  # length of the block in bytes: for readers that skip
    if count > len(body) - at:
        raise MalformedError(count, "a block has no more items than bytes follow")
    return count, at


def _nullable(read_value: Read, null_index: int) -> Read:
    def read(body: bytes, at: int) -> tuple[Any, int]:
        branch, at = read_long(body, at)
        if branch == null_index:
            return None, at
        if branch != 1 - null_index:
            raise MalformedError(branch, "the branch of a union with null is 0 or 1")
        return read_value(body, at)

    return read


def _primitive(writer: Primitive, target: Primitive) -> Read:
    if writer == target:
        return _READERS[writer.name]
    if writer.name in {"int", "long", "float"} and target.name in _WIDER[writer.name]:
        read_narrow = _READERS[writer.name]
        if target.name == "long":
            return read_narrow

        def read(body: bytes, at: int) -> tuple[Any, int]:
            value, at = read_narrow(body, at)
            return float(value), at

        return read
    raise IncompatibleError(f"{writer.name} cannot be read as {target.name}")


def read_long(body: bytes, at: int) -> tuple[int, int]:
    """A zig-zag varint of at most ten bytes; bits above 64 are lost, as in Avro's own reader."""
    byte = body[at]
    at += 1
    if byte < 0x80:
        return (byte >> 1) ^ -(byte & 1), at
    number = byte & 0x7F
    for shift in range(7, 7 * VARINT_BYTES, 7):
        byte = body[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            number &= UINT64
            return (number >> 1) ^ -(number & 1), at
    raise MalformedError(number, f"an integer has at most {VARINT_BYTES} bytes")


def read_int(body: bytes, at: int) -> tuple[int, int]:
    """A zig-zag varint that must fit 32 bits."""
    number, at = read_long(body, at)
    if not INT_MIN <= number <= INT_MAX:
        raise MalformedError(number, "an int has 32 bits")
    return number, at


def read_bytes(body: bytes, at: int) -> tuple[bytes, int]:
    """A length, then that many bytes."""
    length, at = read_long(body, at)
    if not 0 <= length <= len(body) - at:
        raise MalformedError(length, "a length is at least 0 and at most the bytes that follow")
    return body[at : at + length], at + length


def read_string(body: bytes, at: int) -> tuple[str, int]:
    """Bytes that are UTF-8."""
    raw, at = read_bytes(body, at)
    try:
        return raw.decode(), at
    except UnicodeDecodeError:
        raise MalformedError(raw, "a string is UTF-8") from None


def _read_boolean(body: bytes, at: int) -> tuple[bool, int]:
    if body[at] > 1:
        raise MalformedError(body[at], "the byte of a boolean is 0 or 1")
    return body[at] == 1, at + 1


def _read_double(body: bytes, at: int) -> tuple[float, int]:
    if len(body) - at < _DOUBLE.size:
        raise IndexError
    return _DOUBLE.unpack_from(body, at)[0], at + _DOUBLE.size


def _read_float(body: bytes, at: int) -> tuple[float, int]:
    if len(body) - at < _FLOAT.size:
        raise IndexError
    return _FLOAT.unpack_from(body, at)[0], at + _FLOAT.size


def _told(shape: Shape) -> str:
    return getattr(shape, "name", type(shape).__name__.removesuffix("Shape").lower())


_READERS: Final[dict[str, Read]] = {
    "boolean": _read_boolean,
    "int": read_int,
    "long": read_long,
    "float": _read_float,
    "double": _read_double,
    "string": read_string,
    "bytes": read_bytes,
}
_WIDER: Final = {
    "int": {"long", "float", "double"},
    "long": {"float", "double"},
    "float": {"double"},
}
