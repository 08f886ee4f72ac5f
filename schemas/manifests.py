"""A dataset manifest as a Parquet file: which picture stands on which side, with its lineage."""

import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.examples import SCHEMA, Example, Examples, Split, crossing


class ManifestError(ValueError):
    """Bytes or examples that are not a manifest; the message names field, value and rule."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Examples in the order of their ids, and what is said of them all.

    Metadata the trainer reads, carried from the parent: `task`, what the line is about (see
    `schemas.tasks`), and `classes`, a JSON list that fixes the order of a model's classes from one
    dataset of a line to the next. Metadata that erasure reads: `erasures_until_us`, the stamp of
    the newest erasure it obeys. All else is for people.
    """

    examples: Sequence[Example]
    metadata: Mapping[str, str]


OBEYED: Final = "erasures_until_us"
_GROUP: Final = 65_536
"""Examples of a row group: what is in memory twice while a manifest is written or read."""
_REPEATED: Final = ["device_id", "split", "label", "source_topic", "source_topic_id"]
_FORMAT: Final = "fleetloop.manifest/2"
_EARLIER: Final[Mapping[str, frozenset[str]]] = {"fleetloop.manifest/1": frozenset({"fingerprint"})}
"""Columns that manifests of an earlier format lack; they are empty."""


def to_parquet(examples: Iterable[Example], metadata: Mapping[str, str]) -> bytes:
    """Write a manifest; the same examples in any order give the same bytes.

    Raises:
        ManifestError: An id stands twice, an encounter on two sides, or a field breaks its rule.
    """
    held = Examples.of(examples)
    _check(held)
    if "format" in metadata:
        raise ManifestError("manifest metadata 'format' is written by the manifest; name it else")
    schema = SCHEMA.with_metadata({"format": _FORMAT, **dict(sorted(metadata.items()))})
    order = pc.sort_indices(held.column("example_id"))
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, schema, compression="zstd", use_dictionary=_REPEATED) as writer:
        for begin in range(0, len(held), _GROUP):
            group = held.rows.take(order[begin : begin + _GROUP]).combine_chunks()
            writer.write_batch(*group.replace_schema_metadata(schema.metadata).to_batches())
    return sink.getvalue()


def from_parquet(body: bytes) -> Manifest:
    """Read a manifest.

    Raises:
        ManifestError: The bytes are not Parquet, not a manifest, or break a rule of manifests.
    """
    with _readable(body):
        file = pq.ParquetFile(pa.BufferReader(body))
        metadata = _metadata(file.schema_arrow)
        rows = pa.Table.from_batches(file.iter_batches(_GROUP), file.schema_arrow)
    for name in SCHEMA.names[rows.num_columns :]:
        rows = rows.append_column(name, pa.array([b""] * len(rows), pa.binary()))
    examples = Examples(rows.cast(SCHEMA))
    _check(examples)
    return Manifest(examples, metadata)


def head_of(body: bytes) -> tuple[Manifest, Iterator[str]]:
    """A manifest without its examples, and the encounters and picture digests of these.

    Raises:
        ManifestError: The bytes are not a manifest; also while the names are taken.
    """
    with _readable(body):
        file = pq.ParquetFile(pa.BufferReader(body))
        return Manifest((), _metadata(file.schema_arrow)), _names(file, body)


def _names(file: pq.ParquetFile, body: bytes) -> Iterator[str]:
    with _readable(body):
        for batch in file.iter_batches(_GROUP, columns=["encounter_id", "frame_digest"]):
            for column in batch.columns:
                yield from column.to_pylist()


@contextmanager
def _readable(body: bytes) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise ManifestError(f"manifest of {len(body)} bytes: not Parquet: {error}") from error


def _metadata(schema: pa.Schema) -> Mapping[str, str]:
    """What is said of all examples, when format and columns are those of a manifest."""
    metadata = {key.decode(): value.decode() for key, value in (schema.metadata or {}).items()}
    metadata.pop("ARROW:schema", None)
    found = metadata.pop("format", None)
    if found != _FORMAT and found not in _EARLIER:
        raise ManifestError(f"manifest metadata format={found!r}: must be {_FORMAT!r}")
    lacking = _EARLIER.get(found, frozenset())
    expected = pa.schema([one for one in SCHEMA if one.name not in lacking])
    if not schema.equals(expected):
        raise ManifestError(f"manifest columns {schema.names}: must be {expected.names}")
    return metadata


def classes_metadata(classes: Iterable[str]) -> str:
    """The value of the metadata `classes`."""
    return json.dumps(list(classes), ensure_ascii=False)


def classes_of(manifest: Manifest) -> tuple[str, ...]:
    """Classes in the order of a model's outputs; labels the metadata does not name come last.

    Raises:
        ManifestError: The metadata `classes` is no JSON list of distinct names.
    """
    text = manifest.metadata.get("classes", "[]")
    try:
        known = json.loads(text)
    except ValueError as error:
        raise ManifestError(f"manifest metadata classes={text[:80]!r}: not JSON") from error
    names = known if isinstance(known, list) else [None]
    if not all(isinstance(name, str) and name for name in names) or len(set(names)) != len(names):
        raise ManifestError(
            f"manifest metadata classes={text[:80]!r}: must be a JSON list of distinct names"
        )
    labels = Examples.of(manifest.examples).column("label").unique().to_pylist()
    return (*names, *sorted(set(labels) - set(names)))


def obeyed_until_us(manifest: Manifest) -> int:
    """Stamp of the newest erasure that the manifest obeys, UTC microseconds; 0: none was known.

    Raises:
        ManifestError: The metadata `erasures_until_us` is no number.
    """
    text = manifest.metadata.get(OBEYED, "0")
    if not text.isdigit():
        raise ManifestError(f"manifest metadata {OBEYED}={text[:80]!r}: must be microseconds")
    return int(text)


def origin_of(example: Example) -> str:
    """Where an example comes from, the one slice that every manifest has: fleet or test-drive."""
    return "fleet" if example.source_topic else "test-drive"


def _check(examples: Examples) -> None:
    """Raise ManifestError by the first example that breaks a rule."""
    column = examples.column

    def first(broken: pa.ChunkedArray) -> Example | None:
        place = pc.index(broken, value=True).as_py()
        return None if place < 0 else examples[place]

    sides = [side.value for side in Split]
    stray = pc.index(pc.is_in(column("split"), pa.array(sides)), value=False).as_py()
    if stray >= 0:
        raise ManifestError(
            f"example {column('example_id')[stray]}: split={column('split')[stray].as_py()!r}: "
            f"must be one of {sides}"
        )
    if name := _twice(column("example_id")):
        raise ManifestError(f"example {name}: stands twice; ids must be distinct")
    for name in crossing(examples, "encounter_id")[:1]:
        raise ManifestError(f"encounter {name}: stands on both sides; a split never parts it")
    if one := first(pc.invert(pc.greater(column("weight"), 0.0))):
        raise ManifestError(f"example {one.example_id}: weight={one.weight}: must be above 0")
    for field in ("label", "encounter_id", "frame_uri"):
        if one := first(pc.equal(column(field), "")):
            raise ManifestError(
                f"example {one.example_id}: label, encounter_id and frame_uri must not be empty"
            )


def _twice(names: pa.ChunkedArray) -> str | None:
    """A name that stands twice."""
    if pc.count_distinct(names).as_py() == len(names):
        return None
    counted = pc.value_counts(names)
    found: str = counted.filter(pc.greater(counted.field("counts"), 1))[0]["values"].as_py()
    return found
