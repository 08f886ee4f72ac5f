"""The labelled encounters of a dataset, as columns: a million of them are not a million objects."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter
from typing import Final, get_type_hints, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


class Split(StrEnum):
    """Which side an encounter stands on."""

    TRAIN = "TRAIN"
    VALIDATION = "VALIDATION"


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One labelled encounter; all frames of its film strip carry its label.

    Attributes:
        label: Class name.
        frame_uri: All frames as one object, a film strip or a sound strip: `schemas.media`.
        frame_digest: Its SHA-256, hex.
        source_topic, source_topic_id, source_partition, source_offset: The record it comes from;
            empty and -1 for the test drive, which no device sent.
        weight: Weight in training, above 0.
        fingerprint: Of the nearest frame, see `schemas.fingerprints`; empty in manifests of before.
    """

    example_id: str
    encounter_id: str
    device_id: str
    split: Split
    label: str
    frame_uri: str
    frame_digest: str
    source_topic: str = ""
    source_topic_id: str = ""
    source_partition: int = -1
    source_offset: int = -1
    weight: float = 1.0
    fingerprint: bytes = b""


_ARROW: Final = {
    str: pa.string(),
    Split: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bytes: pa.binary(),
}
SCHEMA: Final = pa.schema(
    [pa.field(name, _ARROW[kind], nullable=False) for name, kind in get_type_hints(Example).items()]
)
"""A column for each field of an example."""
_AT_ONCE: Final = 4_096
"""Rows that are objects at a time while examples are gone through."""


class Examples(Sequence[Example]):
    """Examples in their order; each is made an object when it is looked at, and then forgotten.

    Args:
        rows: A table of SCHEMA.
    """

    def __init__(self, rows: pa.Table) -> None:
        self.rows = rows

    @classmethod
    def of(cls, examples: Iterable[Example]) -> "Examples":
        """Examples as columns; what has them already stays as it is."""
        if isinstance(examples, Examples):
            return examples
        held = list(examples)
        columns = [pa.array(map(attrgetter(one.name), held), one.type) for one in SCHEMA]
        return cls(pa.Table.from_arrays(columns, schema=SCHEMA))

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    def __iter__(self) -> Iterator[Example]:
        for batch in self.rows.to_batches(_AT_ONCE):
            for row in batch.to_pylist():
                yield Example(**row | {"split": Split(row["split"])})

    @overload
    def __getitem__(self, place: int) -> Example: ...
    @overload
    def __getitem__(self, place: slice) -> "Examples": ...
    def __getitem__(self, place: int | slice) -> "Example | Examples":
        if isinstance(place, slice):
            places = range(*place.indices(len(self)))
            if places.step == 1:
                return Examples(self.rows.slice(places.start, len(places)))
            return Examples(self.rows.take(pa.array(places, pa.int64())))
        at = range(len(self))[place]
        return next(iter(Examples(self.rows.slice(at, 1))))

    def column(self, name: str) -> pa.ChunkedArray:
        """One field of all."""
        return self.rows[name]

    def where(self, holds: pa.ChunkedArray | NDArray[np.bool_]) -> "Examples":
        """Those for which it holds: bool [n]."""
        mask = pa.array(holds) if isinstance(holds, np.ndarray) else holds
        return Examples(self.rows.filter(mask))

    def followed_by(self, *others: "Examples") -> "Examples":
        """These and then others."""
        return Examples(pa.concat_tables([self.rows, *(other.rows for other in others)]))


def crossing(examples: Examples, name: str) -> pa.Array:
    """Values of a column that stand on both sides of the split."""
    sides = pa.table(
        {"name": examples.column(name), "side": pc.equal(examples.column("split"), Split.TRAIN)}
    )
    found = sides.group_by("name").aggregate([("side", "any"), ("side", "all")])
    both = pc.and_(found["side_any"], pc.invert(found["side_all"]))
    return found["name"].filter(both)
