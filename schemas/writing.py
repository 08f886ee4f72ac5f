"""A writer of Avro bodies straight from dataclasses, planned once for each schema.

fastavro wants each record as a dict of dicts, writes an int of 40 bits into a 32-bit field and
is slower for what the records here mostly are: short strings and small integers.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter, index
from typing import Any, Final, TypeAlias

from schemas.reading import MalformedError
from schemas.shapes import (
    INT_MAX,
    INT_MIN,
    LONG_MAX,
    LONG_MIN,
    ArrayShape,
    EnumShape,
    MapShape,
    NullableShape,
    Primitive,
    RecordShape,
    Shape,
)

Put: TypeAlias = Callable[[bytes], None]
Write: TypeAlias = Callable[[Any, Put], None]

_END: Final = b"\x00"
MISSING: Final = object()
_FAULTS: Final = (ValueError, TypeError, AttributeError, KeyError, struct.error, OverflowError)
_pack_double: Final = struct.Struct("<d").pack
_pack_float: Final = struct.Struct("<f").pack


def writer(shape: Shape) -> Write:  # noqa: PLR0911 - one return for each kind of shape
    """Writer of values of a shape: records are objects with the fields as attributes."""
    match shape:
        case RecordShape():
            return _record(shape)
        case EnumShape():
            return _enum(shape)
        case ArrayShape(items=Primitive(name="int")):
            return _int_array
        case ArrayShape(items=Primitive(name="float")):
            return _float_array
        case ArrayShape():
            return _array(writer(shape.items))
        case MapShape():
            return _map(writer(shape.values))
        case NullableShape():
            return _nullable(writer(shape.of), shape.null_index)
        case Primitive():
            return _WRITERS[shape.name]


def varint(number: int) -> bytes:
    """Zig-zag varint of a 64-bit integer: two of its bytes, fourteen bits, at a time."""
    rest = (number << 1) ^ (number >> 63)
    out = b""
    while rest >= _STEP:
        out += _MIDDLE[rest & (_STEP - 1)]
        rest >>= _STEP_BITS
    return out + _LAST[rest]


_STEP_BITS: Final = 14
_STEP: Final = 1 << _STEP_BITS
_MIDDLE: Final = [bytes((bits & 0x7F | 0x80, bits >> 7 | 0x80)) for bits in range(_STEP)]
_LAST: Final = [
    bytes((bits,)) if bits < 0x80 else bytes((bits & 0x7F | 0x80, bits >> 7))
    for bits in range(_STEP)
]
_SMALL: Final[Mapping[int, bytes]] = {
    (bits >> 1) ^ -(bits & 1): encoded for bits, encoded in enumerate(_LAST)
}


def _record(shape: RecordShape) -> Write:
    names = tuple(field.name for field in shape.fields)
    writers = tuple(writer(field.shape) for field in shape.fields)
    fields_of = attrgetter(*names)
    single = len(names) == 1

    def write(value: Any, put: Put) -> None:
        try:
            for write_field, item in zip(
                writers, (fields_of(value),) if single else fields_of(value), strict=True
            ):
                write_field(item, put)
        except _FAULTS as error:
            raise _located(shape, writers, value) from error

    return write


def _located(shape: RecordShape, writers: Sequence[Write], value: Any) -> MalformedError:
    """Which field cannot be written: found by writing again, so that writing well costs nothing."""
    for field, write_field in zip(shape.fields, writers, strict=True):
        item = getattr(value, field.name, MISSING)
        try:
            write_field(item, _nowhere)
        except MalformedError as error:
            return error.inside(field.name)
        except UnicodeEncodeError:
            return MalformedError(item, "a string is made of Unicode characters", field.name)
        except _FAULTS as error:
            rule = f"the value has the type the schema gives it ({error})"
            return MalformedError(item, rule, field.name)
    return MalformedError(value, f"a {shape.name} has the same fields each time it is read")


def _nowhere(_part: bytes) -> None:
    """Where bytes go that nobody wants."""


def _enum(shape: EnumShape) -> Write:
    encoded = {symbol: varint(place) for place, symbol in enumerate(shape.symbols)}

    def write(value: Any, put: Put) -> None:
        try:
            put(encoded[value])
        except KeyError:
            raise MalformedError(value, f"one of {', '.join(shape.symbols)}") from None

    return write


def _array(write_item: Write) -> Write:
    def write(value: Sequence[Any], put: Put) -> None:
        if value:
            put(varint(len(value)))
            for item in value:
                write_item(item, put)
        put(_END)

    return write


def _map(write_value: Write) -> Write:
    def write(value: Mapping[str, Any], put: Put) -> None:
        if value:
            put(varint(len(value)))
            for name, item in value.items():
                _string(name, put)
                write_value(item, put)
        put(_END)

    return write


def _nullable(write_value: Write, null_index: int) -> Write:
    null, present = varint(null_index), varint(1 - null_index)

    def write(value: Any, put: Put) -> None:
        if value is None:
            put(null)
        else:
            put(present)
            write_value(value, put)

    return write


def _int(value: int, put: Put) -> None:
    put(_SMALL.get(value) or _checked(value, INT_MIN, INT_MAX, 32))


def _long(value: int, put: Put) -> None:
    put(_SMALL.get(value) or _checked(value, LONG_MIN, LONG_MAX, 64))


def _checked(value: int, low: int, high: int, bits: int) -> bytes:
    number = index(value)
    if not low <= number <= high:
        raise MalformedError(number, f"an integer of {bits} bits is in [{low}, {high}]")
    return varint(number)


def _int_array(value: Sequence[int], put: Put) -> None:
    if len(value):
        put(varint(len(value)))
        try:
            put(b"".join(map(_SMALL.__getitem__, value)))
        except KeyError:
            put(b"".join(_SMALL.get(n) or _checked(n, INT_MIN, INT_MAX, 32) for n in value))
    put(_END)


def _float_array(value: Sequence[float], put: Put) -> None:
    if len(value):
        put(varint(len(value)))
        put(struct.pack(f"<{len(value)}f", *value))
    put(_END)


def _string(value: str, put: Put) -> None:
    raw = value.encode()
    put(_SMALL.get(len(raw)) or varint(len(raw)))
    put(raw)


def _bytes(value: bytes, put: Put) -> None:
    raw = memoryview(value).tobytes()
    put(varint(len(raw)))
    put(raw)


def _boolean(value: bool, put: Put) -> None:
    put(_BOOLEAN[value])


def _double(value: float, put: Put) -> None:
    put(_pack_double(value))


def _float(value: float, put: Put) -> None:
    put(_pack_float(value))


_BOOLEAN: Final = {False: b"\x00", True: b"\x01"}
_WRITERS: Final[Mapping[str, Write]] = {
    "boolean": _boolean,
    "int": _int,
    "long": _long,
    "float": _float,
    "double": _double,
    "string": _string,
    "bytes": _bytes,
}
