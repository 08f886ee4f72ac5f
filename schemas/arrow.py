"""From Avro shapes to Arrow: the types of the columns, and one version's columns as another's."""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.reading import IncompatibleError, default_value
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

Convert: TypeAlias = Callable[[pa.Array], pa.Array]

_TYPES: Final = {
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "string": pa.string(),
    "bytes": pa.binary(),
}


class ColumnError(ValueError):
    """Some row of a column breaks a rule that the column decoder itself does not check."""


class RowBuild:
    """Builds what Arrow's own conversion takes: dicts, strings, lists and pairs."""

    def record(self, shape: RecordShape) -> Callable[[Sequence[Any]], Any]:
        """Records are dicts."""
        names = tuple(field.name for field in shape.fields)
        return lambda values: dict(zip(names, values, strict=True))

    def symbol(self, shape: EnumShape, name: str) -> Any:  # noqa: ARG002 - the interface of Build
        """Symbols are their names."""
        return name

    def array(self, items: list[Any]) -> Any:
        """Arrays are lists."""
        return items

    def mapping(self, entries: dict[str, Any]) -> Any:
        """Maps are lists of pairs."""
        return list(entries.items())


def arrow_schema(shape: RecordShape) -> pa.Schema:
    """Columns of a record: enums are strings, timestamps int64 microseconds, all nullable."""
    return pa.schema([(field.name, arrow_type(field.shape)) for field in shape.fields])


def arrow_type(shape: Shape) -> pa.DataType:
    """Arrow type of a shape."""
    match shape:
        case RecordShape():
            return pa.struct([(field.name, arrow_type(field.shape)) for field in shape.fields])
        case EnumShape():
            return pa.string()
        case ArrayShape():
            return pa.list_(arrow_type(shape.items))
        case MapShape():
            return pa.map_(pa.string(), arrow_type(shape.values))
        case NullableShape():
            return arrow_type(shape.of)
        case Primitive():
            return _TYPES[shape.name]


def holds_bytes(shape: Shape) -> bool:
    """Whether the column decoder would have to read bytes, on which pyruhvro panics."""
    match shape:
        case RecordShape():
            return any(holds_bytes(field.shape) for field in shape.fields)
        case ArrayShape(items=inner) | MapShape(values=inner) | NullableShape(of=inner):
            return holds_bytes(inner)
        case Primitive():
            return shape.name == "bytes"
        case _:
            return False


def wide_schema(shape: RecordShape, opening: Iterable[tuple[str, str]], end: str) -> str:
    """Avro JSON of a batch: an array of a shape between opening fields and a double `end`.

    Every int is a long, which is written alike: out-of-range values arrive whole, not wrapped.
    """
    node = _wide(shape, set())
    first = [{"name": name, "type": kind} for name, kind in opening]
    node["fields"] = [*first, *node["fields"], {"name": end, "type": "double"}]
    rows = {"name": "_rows", "type": {"type": "array", "items": node}}
    return json.dumps({"type": "record", "name": "_Batch", "fields": [rows]})


def _wide(shape: Shape, seen: set[str]) -> Any:  # noqa: PLR0911 - one return for each kind of shape
    match shape:
        case RecordShape() | EnumShape() if shape.name in seen:
            return shape.name
        case RecordShape():
            seen.add(shape.name)
            fields = [{"name": f.name, "type": _wide(f.shape, seen)} for f in shape.fields]
            return {"type": "record", "name": shape.name, "fields": fields}
        case EnumShape():
            seen.add(shape.name)
            return {"type": "enum", "name": shape.name, "symbols": list(shape.symbols)}
        case ArrayShape():
            return {"type": "array", "items": _wide(shape.items, seen)}
        case MapShape():
            return {"type": "map", "values": _wide(shape.values, seen)}
        case NullableShape():
            branches = [_wide(shape.of, seen)]
            branches.insert(shape.null_index, "null")
            return branches
        case Primitive():
            return "long" if shape.name == "int" else shape.name


def converter(writer: Shape, target: Shape) -> Convert:  # noqa: PLR0911 - one return for each kind of shape
    """Converter of a wide column of `writer` into one of `target`, at any depth.

    Raises:
        IncompatibleError: `target` cannot stand for `writer`.
    """
    match writer, target:
        case NullableShape(), NullableShape():
            return converter(writer.of, target.of)
        case _, NullableShape():
            return converter(writer, target.of)
        case RecordShape(), RecordShape():
            return _struct(writer, target)
        case ArrayShape(), ArrayShape():
            return _list(converter(writer.items, target.items), arrow_type(target))
        case MapShape(), MapShape():
            return _map(converter(writer.values, target.values), arrow_type(target))
        case EnumShape(), EnumShape():
            return _enum(writer, target)
        case Primitive(), Primitive():
            return _primitive(writer.name, target.name)
        case _:
            raise IncompatibleError("columns of these types do not convert")


def constant(shape: Shape, value: Any, count: int) -> pa.Array:
    """A column of one value, for a field the writer did not know."""
    one = pa.array([value], type=arrow_type(shape))
    return one.take(pa.array(np.zeros(count, np.int32)))


def _struct(writer: RecordShape, target: RecordShape) -> Convert:
    arrow = arrow_type(target)
    fields = fields_converter(writer, target)

    def convert(array: pa.Array) -> pa.Array:
        children = fields([array.field(i) for i in range(array.type.num_fields)], len(array))
        return pa.Array.from_buffers(
            arrow, len(array), array.buffers()[:1], offset=array.offset, children=children
        )

    return convert


def fields_converter(
    writer: RecordShape, target: RecordShape
) -> Callable[[list[pa.Array], int], list[pa.Array]]:
    """Converter of the columns of a record: by name, defaults where the writer has none."""
    places = {field.name: place for place, field in enumerate(writer.fields)}
    steps: list[tuple[int, Convert | None, Any, Shape]] = []
    for field in target.fields:
        written = writer.field(field.name)
        if written is None:
            if not field.has_default:
                raise IncompatibleError(f"{target.name}.{field.name} has no default")
            steps.append(
                (-1, None, default_value(field.shape, field.default, RowBuild()), field.shape)
            )
        else:
            steps.append(
                (places[field.name], converter(written.shape, field.shape), None, field.shape)
            )

    def convert(arrays: list[pa.Array], count: int) -> list[pa.Array]:
        return [
            constant(shape, value, count) if step is None else step(arrays[place])
            for place, step, value, shape in steps
        ]

    return convert


def _list(items: Convert, arrow: pa.DataType) -> Convert:
    def convert(array: pa.Array) -> pa.Array:
        return pa.Array.from_buffers(
            arrow,
            len(array),
            array.buffers()[:2],
            offset=array.offset,
            children=[items(array.values)],
        )

    return convert


def _map(values: Convert, arrow: pa.DataType) -> Convert:
    entries = pa.struct([arrow.key_field, arrow.item_field])

    def convert(array: pa.Array) -> pa.Array:
        _keys_once(array)
        pairs = pa.Array.from_buffers(
            entries, len(array.keys), [None], children=[array.keys, values(array.items)]
        )
        return pa.Array.from_buffers(
            arrow, len(array), array.buffers()[:2], offset=array.offset, children=[pairs]
        )

    return convert


def _keys_once(array: pa.Array) -> None:
    codes = pc.dictionary_encode(array.keys)
    width = max(len(codes.dictionary), 1)
    offsets = np.asarray(array.offsets, np.int64)
    rows = np.repeat(np.arange(len(array), dtype=np.int64), np.diff(offsets))
    keys = rows * width + np.asarray(codes.indices, np.int64)
    if len(np.unique(keys)) != len(keys):
        raise ColumnError("a map has each key once")


def _enum(writer: EnumShape, target: EnumShape) -> Convert:
    if set(writer.symbols) <= set(target.symbols):
        return _same
    if target.default is None:
        raise IncompatibleError(f"enum {target.name} has fewer symbols and no default")
    known = pa.array(target.symbols)
    default = pa.scalar(target.default)
    return lambda array: pc.if_else(
        pc.or_(pc.is_in(array, known), pc.is_null(array)), array, default
    )


def _primitive(writer: str, target: str) -> Convert:
    if writer == "int":
        arrow = _TYPES[target]
        return lambda array: narrowed(array) if target == "int" else narrowed(array).cast(arrow)
    if writer == target:
        return _same
    if (writer, target) in {("long", "float"), ("long", "double"), ("float", "double")}:
        return lambda array: array.cast(_TYPES[target], safe=False)
    raise IncompatibleError(f"{writer} cannot be read as {target}")


def narrowed(array: pa.Array) -> pa.Array:
    """An int64 column as int32.

    Raises:
        ColumnError: A value does not fit 32 bits.
    """
    validity, data = array.buffers()
    wide: npt.NDArray[np.int64] = np.frombuffer(data, np.int64, array.offset + len(array))
    if len(wide) and (wide.min() < INT_MIN or wide.max() > INT_MAX):
        raise ColumnError("an int has 32 bits")
    small = wide.astype(np.int32)
    return pa.Array.from_buffers(
        pa.int32(), len(array), [validity, pa.py_buffer(small)], offset=array.offset
    )


def _same(array: pa.Array) -> pa.Array:
    return array
