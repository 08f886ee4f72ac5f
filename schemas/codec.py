"""Records to bytes and back: frozen dataclass, Avro body, wire header."""

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

from schemas import records
from schemas.errors import ErrorClass, RecordError, UnknownSchemaError
from schemas.framing import header, unframe
from schemas.reading import IncompatibleError, MalformedError, Read, reader
from schemas.record_types import RECORD_TYPES
from schemas.registry import Registry
from schemas.shapes import EnumShape, RecordShape, UnsupportedSchemaError, parse_record
from schemas.versions import Topic, topic_name
from schemas.writing import Write, writer


class Codec:
    """Encodes records of the newest version; decodes those of every version.

    Timestamps are int microseconds, enums StrEnums, arrays tuples, maps dicts. A symbol that the
    newest version does not know is read as UNKNOWN.

    Args:
        registry: Where schemas and their ids come from. Each schema is asked for once.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._shapes: dict[str, RecordShape] = {}
        self._writers: dict[str, tuple[bytes, type[Any], Write]] = {}
        self._readers: dict[tuple[str, int], Read] = {}

    def encode(self, topic: Topic, record: Any) -> bytes:
        """Bytes of a record, with the wire header.

        Raises:
            RecordError: INVALID: a value is not of its field's type or size; UNKNOWN_SCHEMA: the
                registry does not have the topic's schema.
        """
        name = topic if isinstance(topic, str) else topic.name
        try:
            opening, record_type, write = self._writers[name]
        except KeyError:
            opening, record_type, write = self._plan_writing(name)
        if type(record) is not record_type:
            raise RecordError(
                ErrorClass.INVALID, None, type(record), f"topic {name} holds {record_type.__name__}"
            )
        parts = [opening]
        try:
            write(record, parts.append)
        except MalformedError as error:
            raise RecordError(ErrorClass.INVALID, error.path, error.value, error.rule) from error
        return b"".join(parts)

    def decode(self, topic: Topic, value: bytes | None) -> Any:
        """Record of a value, whichever version wrote it, as the newest version's dataclass.

        Raises:
            RecordError: FRAMING, UNKNOWN_SCHEMA or AVRO; no other error, whatever the bytes are.
        """
        schema_id, body = unframe(value)
        name = topic_name(topic)
        read = self._readers.get((name, schema_id)) or self._plan_reading(name, schema_id)
        return read_whole(read, body)

    def _plan_writing(self, name: str) -> tuple[bytes, type[Any], Write]:
        shape = self._shape(name)
        plan = (header(self._registry.schema_id(name)), record_type(name), writer(shape))
        self._writers[name] = plan
        return plan

    def _plan_reading(self, name: str, schema_id: int) -> Read:
        read = resolve(self._registry, self._shape(name), schema_id, RecordBuild())
        self._readers[name, schema_id] = read
        return read

    def _shape(self, name: str) -> RecordShape:
        shape = self._shapes.get(name)
        if shape is None:
            shape = newest_shape(self._registry, name)
            self._shapes[name] = shape
        return shape


class RecordBuild:
    """Builds the dataclasses of `schemas.records`, found by their Avro names."""

    def record(self, shape: RecordShape) -> Callable[[Sequence[Any]], Any]:
        """Maker of a dataclass from its fields in the schema's order."""
        made = getattr(records, shape.name)
        names = tuple(field.name for field in shape.fields)
        declared = tuple(field.name for field in fields(made))
        if declared != names:
            raise IncompatibleError(
                f"{shape.name} of the schema has fields {names}, not {declared}"
            )
        return lambda values: made(**dict(zip(names, values, strict=True)))

    def symbol(self, shape: EnumShape, name: str) -> Any:
        """Member of the StrEnum."""
        return getattr(records, shape.name)(name)

    def array(self, items: list[Any]) -> tuple[Any, ...]:
        """Sequences are tuples."""
        return tuple(items)

    def mapping(self, entries: dict[str, Any]) -> dict[str, Any]:
        """Maps are dicts."""
        return entries


def record_type(topic: str) -> type[Any]:
    """Dataclass of a topic's records.

    Raises:
        UnknownSchemaError: There is no such topic.
    """
    try:
        return RECORD_TYPES[topic]
    except KeyError:
        raise UnknownSchemaError(topic, "the topic is one of schemas.topics") from None


def newest_shape(registry: Registry, topic: Topic) -> RecordShape:
    """Shape of the newest version of a topic's schema."""
    return parse_record(registry.schema(registry.schema_id(topic)))


def resolve(registry: Registry, target: RecordShape, schema_id: int, build: Any) -> Read:
    """Reader of what a schema id wrote, as the newest version.

    Raises:
        UnknownSchemaError: No such id, or the schema is not readable as `target`.
    """
    try:
        return reader(parse_record(registry.schema(schema_id)), target, build)
    except (IncompatibleError, UnsupportedSchemaError) as error:
        raise UnknownSchemaError(
            schema_id, f"the writer's schema is a version of {target.name}: {error}"
        ) from error


def read_whole(read: Read, body: bytes) -> Any:
    """The datum that a body is, all of it.

    Raises:
        RecordError: AVRO: the bytes are not a datum of the schema, or go on after it.
    """
    try:
        record, end = read(body, 0)
    except MalformedError as error:
        raise RecordError(ErrorClass.AVRO, error.path, error.value, error.rule) from error
    if end != len(body):
        raise RecordError(
            ErrorClass.AVRO,
            None,
            body[end:],
            f"nothing follows the record; {len(body) - end} bytes do",
        )
    return record
