"""Where assembly reads and keeps: ranges of the log as values, manifests in the object store."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

import numpy as np
import pyarrow as pa

from infra.kafka.messages import RawMessage
from infra.kafka.ranges import RangeReader
from infra.objects import ObjectCorruptError, ObjectMissingError, ObjectStore
from infra.settings import KafkaSettings
from schemas.columns import ColumnDecoder
from schemas.film_strips import StripError, from_png
from schemas.fingerprints import fingerprint
from schemas.manifests import Manifest, ManifestError, from_parquet, to_parquet
from schemas.records import DatasetManifest, OffsetRange
from schemas.registry import Registry
from schemas.topics import EDGE_CASES, LABEL_REVIEWS, TopicSpec
from schemas.validation import validate
from streams.dataset.answers import Answer
from streams.dataset.assembler import Unreadable
from streams.dataset.candidates import Sighting

_CHUNK: Final = 2_000
"""Messages decoded at a time, so that a long range is never in memory as it was sent."""


class ObjectShelf:
    """Manifests in the object store, addressed by their content."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    def manifest(self, dataset: DatasetManifest) -> Manifest:
        """The manifest of an assembled dataset.

        Raises:
            ObjectMissingError, ObjectCorruptError, ManifestError: It cannot be had as announced.
        """
        if dataset.manifest_uri is None:
            raise ManifestError(f"dataset {dataset.dataset_id}: manifest_uri must not be null")
        body = self._objects.get(dataset.manifest_uri, digest=dataset.manifest_digest)
        return from_parquet(body)

    def store(self, manifest: Manifest) -> tuple[str, str]:
        """Keep a manifest; its address and digest."""
        body = to_parquet(manifest.examples, manifest.metadata)
        stored = self._objects.put(body, kind="manifests", suffix=".parquet")
        return stored.uri, stored.digest


class ObjectGallery:
    """Film strips in the object store."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    def fingerprint(self, uri: str, digest: str) -> bytes | Unreadable:
        """Of the nearest, last frame."""
        try:
            frames = from_png(self._objects.get(uri, digest=digest))
        except ObjectMissingError:
            return Unreadable.MISSING
        except (ObjectCorruptError, StripError):
            return Unreadable.CORRUPT
        return fingerprint(frames[-1])


class KafkaLog:
    """Ranges of edge-cases and label-reviews, read from the broker; invalid records are left out.

    The sink dead-letters what is invalid, by the same validation.
    """

    def __init__(self, kafka: KafkaSettings, registry: Registry) -> None:
        self._reader = RangeReader(kafka)
        self._decoder = ColumnDecoder(registry)

    def held(self, topic: str) -> Sequence[OffsetRange]:
        """All that the log holds now: one range for each partition, empty ones included."""
        return self._reader.held([topic])

    def sightings(self, ranges: Sequence[OffsetRange]) -> Sequence[Sighting]:
        """The valid edge cases in the ranges."""
        return [
            _sighting(row, message, span)
            for span in ranges
            for row, message in self._rows(EDGE_CASES, span, _SIGHTING_COLUMNS)
        ]

    def answers(self, ranges: Sequence[OffsetRange]) -> Sequence[Answer]:
        """The valid label reviews in the ranges."""
        return [
            Answer(row["encounter_id"], row["label"], span.partition, message.offset)
            for span in ranges
            for row, message in self._rows(LABEL_REVIEWS, span, ["encounter_id", "label"])
        ]

    def _rows(
        self, topic: TopicSpec, span: OffsetRange, columns: Sequence[str]
    ) -> Iterator[tuple[dict[str, Any], RawMessage]]:
        messages = self._reader.read([span])
        while chunk := list(islice(messages, _CHUNK)):
            rows, read = _valid(self._decoder, topic, chunk)
            yield from zip(rows.select(columns).to_pylist(), read, strict=True)


_SIGHTING_COLUMNS: Final = [
    "event_id",
    "device_id",
    "encounter_id",
    "frame",
    "margin",
    "consent",
    "embedding",
]


def _valid(
    decoder: ColumnDecoder, topic: TopicSpec, messages: Sequence[RawMessage]
) -> tuple[pa.RecordBatch, list[RawMessage]]:
    columns = decoder.decode(topic, [message.value for message in messages])
    read = [messages[int(position)] for position in columns.positions]
    refusals = validate(topic, columns.rows, [message.stamp_us for message in read])
    refused = {refusal.position for refusal in refusals}
    keep = [row for row in range(len(read)) if row not in refused]
    return columns.rows.take(pa.array(keep, pa.int64())), [read[row] for row in keep]


def _sighting(row: dict[str, Any], message: RawMessage, span: OffsetRange) -> Sighting:
    return Sighting(
        event_id=row["event_id"],
        device_id=row["device_id"],
        encounter_id=row["encounter_id"],
        frame_uri=row["frame"]["uri"],
        frame_digest=row["frame"]["digest"],
        margin=row["margin"],
        consent=row["consent"],
        embedding=np.asarray(row["embedding"], dtype=np.float32),
        topic_id=span.topic_id,
        partition=span.partition,
        offset=message.offset,
        stamp_us=message.stamp_us,
    )
