"""Leaf values of a batch of columns, whatever they are nested in, and the row each one is of."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

ITEMS: Final = "[]"
KEYS: Final = "{key}"
VALUES: Final = "{}"

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Leaf:
    """All values of one path.

    Attributes:
        values: Flattened values, nulls where the path is null.
        offsets: For each list or map passed on the way, outermost first, int64[n + 1].
    """

    values: pa.Array
    offsets: tuple[Rows, ...] = ()

    def rows(self, places: Rows) -> Rows:
        """Row of each flattened place."""
        for edges in reversed(self.offsets):
            places = np.searchsorted(edges, places, side="right").astype(np.int64) - 1
        return places

    def numbers(self, missing: float = 0) -> npt.NDArray[Any]:
        """Values as numpy numbers, `missing` for null."""
        values = self.values
        if values.null_count:
            values = pc.fill_null(values, pa.scalar(missing).cast(values.type))
        numbers: npt.NDArray[Any] = values.to_numpy(zero_copy_only=False)
        return numbers

    def first_value(self, row: int) -> Any:
        """Value of a path that passes no list or map."""
        return self.values[row].as_py()


class Leaves:
    """The leaves of one batch, found once each.

    Args:
        batch: Columns as `schemas.columns` makes them.
    """

    def __init__(self, batch: pa.RecordBatch) -> None:
        self._batch = batch
        self._found: dict[str, Leaf] = {}

    def __getitem__(self, path: str) -> Leaf:
        """Leaf of a path such as `latency.counts.[]` or `labels.{key}`."""
        leaf = self._found.get(path)
        if leaf is None:
            parent, _, name = path.rpartition(".")
            leaf = _child(self[parent], name) if parent else Leaf(self._batch.column(name))
            self._found[path] = leaf
        return leaf

    def __len__(self) -> int:
        return int(self._batch.num_rows)


def _child(parent: Leaf, name: str) -> Leaf:
    array = parent.values
    if name not in {ITEMS, KEYS, VALUES}:
        return Leaf(pc.struct_field(array, name), parent.offsets)
    edges: Rows = np.asarray(array.offsets, np.int64)
    inner = array.values if name == ITEMS else array.keys if name == KEYS else array.items
    start, stop = int(edges[0]), int(edges[-1])
    return Leaf(inner.slice(start, stop - start), (*parent.offsets, edges - start))


def paths(schema: pa.Schema) -> Mapping[str, pa.DataType]:
    """Every path of a schema with its type, containers included, in the schema's order."""
    found: dict[str, pa.DataType] = {}
    for field in schema:
        found.update(_paths(field.name, field.type))
    return found


def _paths(path: str, kind: pa.DataType) -> Iterator[tuple[str, pa.DataType]]:
    yield path, kind
    if pa.types.is_struct(kind):
        for field in kind:
            yield from _paths(f"{path}.{field.name}", field.type)
    elif pa.types.is_list(kind):
        yield from _paths(f"{path}.{ITEMS}", kind.value_type)
    elif pa.types.is_map(kind):
        yield from _paths(f"{path}.{KEYS}", kind.key_type)
        yield from _paths(f"{path}.{VALUES}", kind.item_type)


def told(path: str) -> str:
    """Path as a message names it: without the marks of lists and maps."""
    return ".".join(part for part in path.split(".") if part not in {ITEMS, KEYS, VALUES})
