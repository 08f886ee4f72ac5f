"""How a row of a topic's table becomes its record again: the other way round than the sink's."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from consumers.clickhouse.layout import columns
from schemas.from_json import record_from
from schemas.registry import FileRegistry
from schemas.shapes import ArrayShape, MapShape, NullableShape, RecordShape, Shape, parse_record
from schemas.topics import TopicSpec

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def micros(moment: datetime) -> int:
    """UTC microseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


class Rows:
    """Rows of one topic's table.

    Attributes:
        names: Columns in the order in which `record` wants their values.
    """

    def __init__(self, topic: TopicSpec) -> None:
        registry = FileRegistry()
        text = registry.schema(registry.schema_id(topic))
        self._shape = parse_record(text)
        found = columns(text)
        self.names = tuple(column.name for column in found)
        self._paths = tuple(column.path for column in found)

    def record(self, values: Sequence[Any]) -> Any:
        """The record of a row.

        Raises:
            RecordError: INVALID: a value does not fit the schema.
        """
        tree: dict[str, Any] = {}
        for path, value in zip(self._paths, values, strict=True):
            here = tree
            for name in path[:-1]:
                here = here.setdefault(name, {})
            here[path[-1]] = value
        return record_from(self._shape, _told(self._shape, tree))


def _told(shape: Shape, value: Any) -> Any:
    """A value as a record in JSON has it. A nested record whose columns are all empty was null."""
    match shape:
        case NullableShape():
            return None if _empty(shape.of, value) else _told(shape.of, value)
        case RecordShape():
            names = [field.name for field in shape.fields]
            parts = value if isinstance(value, Mapping) else dict(zip(names, value, strict=True))
            return {field.name: _told(field.shape, parts[field.name]) for field in shape.fields}
        case ArrayShape():
            return [_told(shape.items, one) for one in value]
        case MapShape():
            return {name: _told(shape.values, one) for name, one in value.items()}
    return micros(value) if isinstance(value, datetime) else value


def _empty(shape: Shape, value: Any) -> bool:
    if isinstance(shape, RecordShape) and isinstance(value, Mapping):
        return all(one is None or one in ([], {}, ()) for one in value.values())
    return value is None
