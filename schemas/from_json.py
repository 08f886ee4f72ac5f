"""Records from plain JSON values, as people and other programs write them down."""

from collections.abc import Mapping
from typing import Any

from schemas import records
from schemas.errors import ErrorClass, RecordError
from schemas.shapes import (
    ArrayShape,
    EnumShape,
    MapShape,
    NullableShape,
    Primitive,
    RecordShape,
    Shape,
)

_KINDS: Mapping[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "int": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "string": (str,),
    "bytes": (str,),
}
_NOTHING: Mapping[str, Any] = {
    "boolean": False,
    "int": 0,
    "long": 0,
    "float": 0.0,
    "double": 0.0,
    "string": "",
    "bytes": b"",
}


def record_from(shape: RecordShape, value: Any, path: str = "") -> Any:
    """The dataclass of a record; a field that is not told is empty, zero, null or UNKNOWN.

    Args:
        shape: The record's schema.
        value: A mapping by field name. Times are whole microseconds, bytes are hex digits.
        path: Where it stands, for messages.

    Raises:
        RecordError: INVALID: a field is not known or has a value of another type.
    """
    if not isinstance(value, Mapping):
        raise _refused(path or shape.name, value, "a mapping of fields is wanted")
    names = [field.name for field in shape.fields]
    for name in value:
        if name not in names:
            raise _refused(_inside(path, str(name)), value[name], f"known: {', '.join(names)}")
    made = {
        field.name: _value(field.shape, value[field.name], _inside(path, field.name))
        if field.name in value
        else _nothing(field.shape)
        for field in shape.fields
    }
    return getattr(records, shape.name)(**made)


def _value(shape: Shape, value: Any, path: str) -> Any:
    match shape:
        case RecordShape():
            return record_from(shape, value, path)
        case NullableShape():
            return None if value is None else _value(shape.of, value, path)
        case EnumShape():
            if value not in shape.symbols:
                raise _refused(path, value, f"one of {', '.join(shape.symbols)}")
            return getattr(records, shape.name)(value)
        case ArrayShape():
            if not isinstance(value, list):
                raise _refused(path, value, "a list is wanted")
            return tuple(_value(shape.items, one, f"{path}[{at}]") for at, one in enumerate(value))
        case MapShape():
            if not isinstance(value, Mapping):
                raise _refused(path, value, "a mapping is wanted")
            return {
                name: _value(shape.values, one, f"{path}.{name}") for name, one in value.items()
            }
        case Primitive():
            return _primitive(shape.name, value, path)


def _primitive(kind: str, value: Any, path: str) -> Any:
    wrong = not isinstance(value, _KINDS[kind]) or (isinstance(value, bool) and kind != "boolean")
    if wrong:
        raise _refused(path, value, f"{kind} is wanted")
    if kind == "bytes":
        try:
            return bytes.fromhex(value)
        except ValueError:
            raise _refused(path, value, "hex digits are wanted") from None
    return float(value) if kind in ("float", "double") else value


def _nothing(shape: Shape) -> Any:
    match shape:
        case RecordShape():
            return record_from(shape, {})
        case NullableShape():
            return None
        case EnumShape():
            return getattr(records, shape.name)(shape.default or shape.symbols[0])
        case ArrayShape():
            return ()
        case MapShape():
            return {}
        case Primitive():
            return _NOTHING[shape.name]


def _inside(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _refused(path: str, value: Any, rule: str) -> RecordError:
    return RecordError(ErrorClass.INVALID, path, value, rule)
