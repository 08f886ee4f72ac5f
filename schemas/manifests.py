"""A dataset manifest as a Parquet file: which picture stands on which side, with its lineage."""

import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter
from typing import Final, get_type_hints

import pyarrow as pa
import pyarrow.parquet as pq


class ManifestError(ValueError):
    """Bytes or examples that are not a manifest; the message names field, value and rule."""


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


@dataclass(frozen=True, slots=True)
class Manifest:
    """Examples in the order of their ids, and what is said of them all.

    Metadata the trainer reads, carried from the parent: `task`, what the line is about (see
    `schemas.tasks`), and `classes`, a JSON list that fixes the order of a model's classes from one
    dataset of a line to the next. Metadata that erasure reads: `erasures_until_us`, the stamp of
    the newest erasure it obeys. All else is for people.
    """

    examples: tuple[Example, ...]
    metadata: Mapping[str, str]


OBEYED: Final = "erasures_until_us"
_ARROW: Final = {
    str: pa.string(),
    Split: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bytes: pa.binary(),
}
_COLUMNS: Final = {name: _ARROW[kind] for name, kind in get_type_hints(Example).items()}
_GROUP: Final = 65_536
"""Examples of a row group: what is in memory twice while a manifest is written or read."""
_SPLITS: Final[Mapping[str, Split]] = {split.value: split for split in Split}
_REPEATED: Final = ["device_id", "split", "label", "source_topic", "source_topic_id"]
_FORMAT: Final = "fleetloop.manifest/2"
_EARLIER: Final[Mapping[str, frozenset[str]]] = {"fleetloop.manifest/1": frozenset({"fingerprint"})}
"""Columns that manifests of an earlier format lack; their defaults stand for them."""


def _arrow_schema(metadata: Mapping[str, str], lacking: frozenset[str] = frozenset()) -> pa.Schema:
    columns = [
        pa.field(name, kind, nullable=False)
        for name, kind in _COLUMNS.items()
        if name not in lacking
    ]
    return pa.schema(columns, metadata={"format": _FORMAT, **dict(sorted(metadata.items()))})


def to_parquet(examples: Iterable[Example], metadata: Mapping[str, str]) -> bytes:
    """Write a manifest; the same examples in any order give the same bytes.

    Raises:
        ManifestError: An id stands twice, an encounter on two sides, or a field breaks its rule.
    """
    rows = sorted(examples, key=lambda example: example.example_id)
    _check(rows)
    if "format" in metadata:
        raise ManifestError("manifest metadata 'format' is written by the manifest; name it else")
    schema = _arrow_schema(metadata)
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, schema, compression="zstd", use_dictionary=_REPEATED) as writer:
        for begin in range(0, len(rows), _GROUP):
            writer.write_batch(_batch(rows[begin : begin + _GROUP], schema))
    return sink.getvalue()


def _batch(rows: Sequence[Example], schema: pa.Schema) -> pa.RecordBatch:
    arrays = [
        pa.array(list(map(attrgetter(field.name), rows)), type=field.type) for field in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def from_parquet(body: bytes) -> Manifest:
    """Read a manifest.

    Raises:
        ManifestError: The bytes are not Parquet, not a manifest, or break a rule of manifests.
    """
    with _readable(body):
        file = pq.ParquetFile(pa.BufferReader(body))
        metadata = _metadata(file.schema_arrow)
        rows = tuple(_examples(file))
    _check(rows)
    return Manifest(rows, metadata)


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
    expected = _arrow_schema({}, _EARLIER.get(found, frozenset()))
    if not schema.equals(expected):
        raise ManifestError(f"manifest columns {schema.names}: must be {expected.names}")
    return metadata


def _examples(file: pq.ParquetFile) -> Iterator[Example]:
    """One row group after another; names that many examples share are in memory once."""
    shared: dict[str, str] = {}
    for batch in file.iter_batches(_GROUP):
        for row in batch.to_pylist():
            for name in _REPEATED:
                row[name] = shared.setdefault(row[name], row[name])
            row["split"] = _split(row["split"], row["example_id"])
            yield Example(**row)


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
    return (*names, *sorted({example.label for example in manifest.examples} - set(names)))


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


def _split(value: str, example_id: str) -> Split:
    found = _SPLITS.get(value)
    if found is None:
        raise ManifestError(f"example {example_id}: split={value!r}: must be one of {[*Split]}")
    return found


def _check(rows: Sequence[Example]) -> None:
    sides: dict[str, Split] = {}
    seen: set[str] = set()
    for row in rows:
        if row.example_id in seen:
            raise ManifestError(f"example {row.example_id}: stands twice; ids must be distinct")
        seen.add(row.example_id)
        if sides.setdefault(row.encounter_id, row.split) is not row.split:
            raise ManifestError(
                f"encounter {row.encounter_id}: stands on both sides; a split never parts it"
            )
        if not row.weight > 0:
            raise ManifestError(f"example {row.example_id}: weight={row.weight}: must be above 0")
        if not (row.label and row.encounter_id and row.frame_uri):
            raise ManifestError(
                f"example {row.example_id}: label, encounter_id and frame_uri must not be empty"
            )
