"""From a decoded batch to the rows of its table: flattened, typed, with provenance; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consumers.clickhouse.layout import Column, columns, table_name

_INSTANT: Final = pa.timestamp("us", "UTC")
_PROVENANCE: Final = {
    "_topic_id": "LowCardinality(String)",
    "_partition": "Int32",
    "_offset": "Int64",
    "_ingested_at": "DateTime64(6, 'UTC')",
}


class Target(Protocol):
    """What rows are inserted into."""

    @property
    def table(self) -> str:
        """Name of the table."""

    @property
    def types(self) -> Mapping[str, str]:
        """ClickHouse type of each column that is sent, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where the rows of a batch come from.

    Attributes:
        offsets: int64, one a row, rising.
        stamps_us: int64, broker's stamps in UTC microseconds, one a row.
    """

    topic_id: str
    partition: int
    offsets: np.ndarray[Any, np.dtype[np.int64]]
    stamps_us: np.ndarray[Any, np.dtype[np.int64]]


class TableMapping:
    """One topic's batches as the rows of its table.

    Args:
        topic: Topic name.
        schema: Newest schema of the topic, Avro JSON: batches have its fields.
    """

    def __init__(self, topic: str, schema: str) -> None:
        self.table = table_name(topic)
        self._columns = columns(schema)
        self.types: dict[str, str] = {c.name: c.type for c in self._columns} | _PROVENANCE

    def rows(self, batch: pa.RecordBatch, origin: Origin) -> pa.RecordBatch:
        """Rows in the table's column order.

        Raises:
            KeyError: The batch lacks a field of the schema.
        """
        arrays = {column.name: _array(batch, column) for column in self._columns}
        count = batch.num_rows
        arrays["_topic_id"] = pa.DictionaryArray.from_arrays(
            pa.array(np.zeros(count, np.int8)), pa.array([origin.topic_id])
        )
        arrays["_partition"] = pa.array(np.full(count, origin.partition, np.int32))
        arrays["_offset"] = pa.array(origin.offsets)
        arrays["_ingested_at"] = pa.array(origin.stamps_us).view(_INSTANT)
        return pa.record_batch(list(arrays.values()), names=list(arrays))


def _array(batch: pa.RecordBatch, column: Column) -> pa.Array:
    array = batch.column(column.path[0])
    for name in column.path[1:]:
        array = pc.struct_field(array, name)  # a null record gives null fields
    if column.type.startswith(("Array", "Map")) and array.null_count:
        array = pc.coalesce(array, pa.scalar([], type=array.type))
    if "DateTime64" in column.type:
        array = array.cast(_instants(array.type, column.type))
    if column.low_cardinality:
        array = array.dictionary_encode()
    return array


def _instants(kind: pa.DataType, text: str) -> pa.DataType:
    """The Arrow type with the integers that ClickHouse's type calls times as timestamps."""
    if pa.types.is_list(kind):
        return pa.list_(_instants(kind.value_type, text))
    if pa.types.is_struct(kind):
        return pa.struct(
            pa.field(f.name, _INSTANT if f"{f.name} DateTime64" in text else f.type) for f in kind
        )
    return _INSTANT
