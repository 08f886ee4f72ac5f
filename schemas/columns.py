"""A whole batch of values to Arrow columns in one call, with the unreadable ones told apart."""

import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyruhvro

from schemas.arrow import (
    ColumnError,
    RowBuild,
    arrow_schema,
    fields_converter,
    holds_bytes,
    wide_schema,
)
from schemas.codec import newest_shape, read_whole, resolve
from schemas.errors import RecordError
from schemas.framing import HEADER_BYTES, header, unframe
from schemas.memory import keep_freed_memory
from schemas.reading import Read
from schemas.registry import Registry
from schemas.shapes import RecordShape, parse_record
from schemas.versions import Topic, topic_name
from schemas.writing import varint

OPENING_FIELDS: Final = (("_magic", "boolean"), ("_schema_id", "float"))
"""The wire header read as Avro: a zero byte is false, four bytes are a float, whose bits tell."""
END_FIELD: Final = "_end_of_record"
# Behind each body stand eight bytes that no sender knows, read as one more field: a body with
# bytes left over or missing moves them. The first byte differs from the others, so that no
# shorter stretch of them looks like the whole.
END: Final = b"\x01" + bytes(2 + byte % 254 for byte in os.urandom(7))
_END_BITS: Final = int.from_bytes(END, "little", signed=True)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A value that could not be used.

    Attributes:
        position: Its index in the batch.
    """

    position: int
    error: RecordError


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """A decoded batch.

    Attributes:
        rows: The readable records in the order they came, columns of the newest version.
        positions: int32[rows], index in the batch of each row, rising.
        refusals: The unreadable values, by rising position.
    """

    rows: pa.RecordBatch
    positions: npt.NDArray[np.int32]
    refusals: list[Refusal]


class ColumnDecoder:
    """Decodes batches of any versions into columns of the newest, values equal to the codec's.

    Topics with bytes fields are read record by record: pyruhvro does not read bytes.

    Args:
        registry: Where schemas come from. Each schema is asked for once.
    """

    def __init__(self, registry: Registry) -> None:
        keep_freed_memory()
        self._registry = registry
        self._shapes: dict[str, RecordShape] = {}
        self._readers: dict[tuple[str, int], _VersionReader] = {}

    def decode(self, topic: Topic, values: Sequence[bytes | None]) -> Columns:
        """Columns of a batch; whatever the bytes are, an unreadable value is a refusal.

        Raises:
            RegistryUnavailableError: A schema is needed and an HTTP registry does not answer.
        """
        name = topic_name(topic)
        if name not in self._shapes:
            self._shapes[name] = newest_shape(self._registry, name)
        rows = self._alike(name, values)
        if rows is not None:
            return Columns(rows=rows, positions=np.arange(len(values), dtype=np.int32), refusals=[])
        pieces: list[_Piece] = []
        refusals: list[Refusal] = []
        for schema_id, positions, group in _by_schema(values, refusals):
            try:
                version = self._version(name, schema_id)
            except RecordError as error:
                refusals.extend(Refusal(int(position), error) for position in positions)
            else:
                version.read(positions, group, pieces, refusals)
        refusals.sort(key=lambda refusal: refusal.position)
        joined, kept = _joined(arrow_schema(self._shapes[name]), pieces)
        return Columns(rows=joined, positions=kept, refusals=refusals)

    def _alike(self, name: str, values: Sequence[bytes | None]) -> pa.RecordBatch | None:
        """Columns of values that one schema wrote and that are all readable, as nearly always."""
        if len(values) < 2:
            return None
        try:
            return self._version(name, unframe(values[0])[0]).columns(values)
        except ValueError:
            return None

    def _version(self, name: str, schema_id: int) -> "_VersionReader":
        version = self._readers.get((name, schema_id))
        if version is None:
            version = _VersionReader(self._registry, self._shapes[name], schema_id)
            self._readers[name, schema_id] = version
        return version


_Positions = npt.NDArray[np.int32]
_Piece = tuple[_Positions, pa.RecordBatch]


class _VersionReader:
    """Reads values that one schema wrote into columns of the newest version."""

    def __init__(self, registry: Registry, target: RecordShape, schema_id: int) -> None:
        self._read_row: Read = resolve(registry, target, schema_id, RowBuild())
        written = parse_record(registry.schema(schema_id))
        self._opening = int.from_bytes(header(schema_id)[1:], "little")
        self._schema = arrow_schema(target)
        self._row_by_row = holds_bytes(written)
        self._wide = "" if self._row_by_row else wide_schema(written, OPENING_FIELDS, END_FIELD)
        self._convert = fields_converter(written, target)

    def read(
        self,
        positions: _Positions,
        values: Sequence[bytes],
        pieces: list[_Piece],
        refusals: list[Refusal],
    ) -> None:
        """Add the readable rows to `pieces` and the others to `refusals`.

        The decoder does not say which record it stumbled over: the batch is halved until it does.
        """
        if len(values) == 1 or self._row_by_row:
            self._read_rows(positions, values, pieces, refusals)
            return
        try:
            pieces.append((positions, self.columns(values)))
        except ValueError:
            half = len(values) // 2
            self.read(positions[:half], values[:half], pieces, refusals)
            self.read(positions[half:], values[half:], pieces, refusals)

    def columns(self, values: Sequence[bytes | None]) -> pa.RecordBatch:
        """All values in one call.

        Raises:
            ValueError: One of them is not readable, or not of this schema.
        """
        if self._row_by_row:
            raise ColumnError("bytes are read record by record")
        try:
            bodies = END.join((*cast("Sequence[bytes]", values), b""))
        except TypeError:
            raise ColumnError("a tombstone is not a record") from None
        # One array of all records: a record of its own for each costs a third more.
        block = b"".join((varint(len(values)), bodies, varint(0)))
        batch = pyruhvro.deserialize_array([block], self._wide).column(0).values
        if len(batch) != len(values):
            raise ColumnError("one record a value")
        magic, ids, *columns, ends = batch.flatten()
        if magic.true_count or not _all_bits(ids, np.uint32, self._opening):
            raise ColumnError("all values open with the header of one schema")
        if not _all_bits(ends, np.int64, _END_BITS):
            raise ColumnError("the record ends where its value ends")
        batch.validate(full=True)
        return pa.RecordBatch.from_arrays(self._convert(columns, len(batch)), schema=self._schema)

    def _read_rows(
        self,
        positions: _Positions,
        values: Sequence[bytes],
        pieces: list[_Piece],
        refusals: list[Refusal],
    ) -> None:
        rows: list[Any] = []
        kept: list[int] = []
        for position, value in zip(positions.tolist(), values, strict=True):
            try:
                rows.append(read_whole(self._read_row, value[HEADER_BYTES:]))
            except RecordError as error:
                refusals.append(Refusal(position, error))
            else:
                kept.append(position)
        if rows:
            batch = pa.RecordBatch.from_pylist(rows, schema=self._schema)
            pieces.append((np.array(kept, np.int32), batch))


def _all_bits(floats: pa.Array, kind: type[np.integer], bits: int) -> bool:
    """Whether every value of a column without nulls has these bits."""
    return bool((np.frombuffer(floats.buffers()[1], kind, len(floats)) == bits).all())


def _by_schema(
    values: Sequence[bytes | None], refusals: list[Refusal]
) -> list[tuple[int, _Positions, list[bytes]]]:
    groups: defaultdict[int, tuple[list[int], list[bytes]]] = defaultdict(lambda: ([], []))
    for position, value in enumerate(values):
        try:
            schema_id, _ = unframe(value)
        except RecordError as error:
            refusals.append(Refusal(position, error))
        else:
            positions, group = groups[schema_id]
            positions.append(position)
            group.append(cast("bytes", value))
    return [
        (schema_id, np.array(positions, np.int32), group)
        for schema_id, (positions, group) in groups.items()
    ]


def _joined(schema: pa.Schema, pieces: list[_Piece]) -> tuple[pa.RecordBatch, _Positions]:
    if not pieces:
        return pa.RecordBatch.from_pylist([], schema=schema), np.array([], np.int32)
    if len(pieces) == 1:
        return pieces[0][1], pieces[0][0]
    positions = np.concatenate([piece[0] for piece in pieces])
    rows = pa.concat_batches([piece[1] for piece in pieces])
    order = np.argsort(positions)
    return rows.take(pa.array(order)), positions[order]
