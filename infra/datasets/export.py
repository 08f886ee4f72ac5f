"""A dataset as a folder of Parquet files that data tools open as it is, with its card.

One row an example. The column of its picture is a struct {bytes, path}, which Hugging Face datasets
read as the feature their schema metadata names; polars and pandas see a struct. Linked, path is
the address in the object store, and an erasure takes the picture away; embedded, the bytes are the
stored ones, so that their SHA-256 is the row's digest.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from infra.objects import ObjectCorruptError, ObjectMissingError, ObjectStore
from schemas.examples import Example, Examples, Split
from schemas.manifests import origin_of
from schemas.media import PICTURES, SOUND

ROWS_PER_FILE: Final = 50_000
_ROWS_PER_GROUP: Final = 500
"""Embedded pictures of so many examples are in memory at once."""

_DTYPES: Final = {pa.string(): "string", pa.int64(): "int64", pa.float64(): "float64"}


class ExportError(ValueError):
    """A dataset cannot be taken along whole; the message says what stands in the way."""


@dataclass(frozen=True, slots=True)
class Feature:
    """A medium as Hugging Face datasets name it: its column, its feature, the task it is for."""

    column: str
    kind: str
    task: str


FEATURES: Final[Mapping[str, Feature]] = {
    PICTURES.media_type: Feature("image", "Image", "image-classification"),
    SOUND.media_type: Feature("audio", "Audio", "audio-classification"),
}
"""By media type."""


def write(
    folder: Path,
    examples: Sequence[Example],
    classes: Sequence[str],
    feature: Feature,
    card: str,
    objects: ObjectStore | None,
) -> None:
    """Write the folder whole or not at all.

    Args:
        folder: Must not exist, or be empty.
        examples: In the order of their ids.
        classes: Names in the order of the labels' integers.
        feature: What their objects are.
        card: README.md, see `infra.datasets.card`.
        objects: Where the pictures are, to embed them; None: they are linked.

    Raises:
        ExportError: There are no examples, the folder holds something, or a picture is not there
            as it was announced.
    """
    if not examples:
        raise ExportError("no example is left")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExportError(f"{folder}: is there already; name a new folder")
    partial = folder.with_name(f".{folder.name}.partial-{os.getpid()}")
    try:
        (partial / "data").mkdir(parents=True)
        for name, rows in files(examples):
            _write_file(partial / name, rows, classes, feature, objects)
        (partial / "README.md").write_text(card)
        partial.replace(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def files(examples: Sequence[Example]) -> Iterator[tuple[str, Sequence[Example]]]:
    """Path of each file in the folder, as Hugging Face names shards of a split, and its rows."""
    held = Examples.of(examples)
    for split in Split:
        rows = held.where(pc.equal(held.column("split"), split))
        shards = -(-len(rows) // ROWS_PER_FILE)
        for shard in range(shards):
            part = rows[shard * ROWS_PER_FILE : (shard + 1) * ROWS_PER_FILE]
            yield f"data/{split.lower()}-{shard:05}-of-{shards:05}.parquet", part


def _write_file(
    path: Path,
    rows: Sequence[Example],
    classes: Sequence[str],
    feature: Feature,
    objects: ObjectStore | None,
) -> None:
    schema = _schema(feature, classes)
    index = {name: label for label, name in enumerate(classes)}
    load = _linked if objects is None else _embedding(objects)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for first in range(0, len(rows), _ROWS_PER_GROUP):
            group = [
                {feature.column: load(one), "label": index[one.label], **_told(one)}
                for one in rows[first : first + _ROWS_PER_GROUP]
            ]
            writer.write_table(pa.Table.from_pylist(group, schema=schema))


def _told(one: Example) -> Mapping[str, Any]:
    return {
        "label_name": one.label,
        "example_id": one.example_id,
        "encounter_id": one.encounter_id,
        "device_id": one.device_id,
        "origin": origin_of(one),
        "digest": one.frame_digest,
        "weight": one.weight,
        "source_topic": one.source_topic,
        "source_topic_id": one.source_topic_id,
        "source_partition": one.source_partition,
        "source_offset": one.source_offset,
    }


def _linked(one: Example) -> Mapping[str, Any]:
    # Hugging Face datasets open what fsspec can, but of a local file only the bare path.
    return {"bytes": None, "path": one.frame_uri.removeprefix("file://")}


def _embedding(objects: ObjectStore) -> Callable[[Example], Mapping[str, Any]]:
    def load(one: Example) -> Mapping[str, Any]:
        try:
            body = objects.get(one.frame_uri, digest=one.frame_digest)
        except (ObjectMissingError, ObjectCorruptError) as error:
            raise ExportError(
                f"example {one.example_id}: {error}; see: fleetloop datasets audit"
            ) from error
        return {"bytes": body, "path": Path(one.frame_uri).name}

    return load


def _schema(feature: Feature, classes: Sequence[str]) -> pa.Schema:
    text, number = pa.string(), pa.int64()
    columns = {
        feature.column: pa.struct({"bytes": pa.binary(), "path": text}),
        "label": number,
        "label_name": text,
        "example_id": text,
        "encounter_id": text,
        "device_id": text,
        "origin": text,
        "digest": text,
        "weight": pa.float64(),
        "source_topic": text,
        "source_topic_id": text,
        "source_partition": number,
        "source_offset": number,
    }
    features: dict[str, Any] = {
        name: {"dtype": _DTYPES[kind], "_type": "Value"}
        for name, kind in columns.items()
        if name != feature.column
    }
    features[feature.column] = {"_type": feature.kind}
    features["label"] = {"names": list(classes), "_type": "ClassLabel"}
    told = json.dumps({"info": {"features": features}}, ensure_ascii=False)
    return pa.schema(columns, metadata={"huggingface": told})
