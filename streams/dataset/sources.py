"""Where assembly reads and keeps: ranges of the log as values, manifests in the object store."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from infra.kafka.messages import RawMessage
from infra.kafka.ranges import RangeReader
from infra.objects import ObjectCorruptError, ObjectMissingError, ObjectStore
from infra.settings import KafkaSettings
from schemas.columns import ColumnDecoder
from schemas.film_strips import StripError
from schemas.manifests import Manifest, ManifestError, from_parquet, head_of, to_parquet
from schemas.media import MEDIA
from schemas.records import DatasetManifest, OffsetRange
from schemas.registry import Registry
from schemas.topics import EDGE_CASES, LABEL_REVIEWS, TopicSpec
from schemas.validation import validate
from streams.dataset.answers import Answer
from streams.dataset.assembler import Unreadable
from streams.dataset.candidates import SIGHTING_COLUMNS, Sighting, Sightings
from streams.dataset.sift import Continued, continued

_CHUNK: Final = 8_000
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
        return from_parquet(self._body(dataset))

    def continued(self, dataset: DatasetManifest) -> Continued:
        """What the successor of an assembled dataset goes by; its examples are not made."""
        head, names = head_of(self._body(dataset))
        return continued(head, names)

    def _body(self, dataset: DatasetManifest) -> bytes:
        if dataset.manifest_uri is None:
            raise ManifestError(f"dataset {dataset.dataset_id}: manifest_uri must not be null")
        return self._objects.get(dataset.manifest_uri, digest=dataset.manifest_digest)

    def store(self, manifest: Manifest) -> tuple[str, str]:
        """Keep a manifest; its address and digest."""
        body = to_parquet(manifest.examples, manifest.metadata)
        stored = self._objects.put(body, kind="manifests", suffix=".parquet")
        return stored.uri, stored.digest


class ObjectGallery:
    """Frames of encounters in the object store."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    def fingerprint(self, sighting: Sighting) -> bytes | Unreadable:
        """Of the nearest, last frame."""
        medium = MEDIA[sighting.frame_media_type]
        try:
            body = self._objects.get(sighting.frame_uri, digest=sighting.frame_digest)
            frames = medium.decode(body)
        except ObjectMissingError:
            return Unreadable.MISSING
        except (ObjectCorruptError, StripError):
            return Unreadable.CORRUPT
        return medium.fingerprint(frames[-1])


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

    def sightings(self, ranges: Sequence[OffsetRange]) -> Iterator[Sightings]:
        """The valid edge cases of the ranges, in their order, in blocks of any size."""
        for span in ranges:
            for rows, read in self._blocks(EDGE_CASES, span):
                yield Sightings(
                    rows=_named(rows),
                    topic_id=span.topic_id,
                    partition=span.partition,
                    offsets=np.array([message.offset for message in read], np.int64),
                    stamps_us=np.array([message.stamp_us for message in read], np.int64),
                )

    def answers(self, ranges: Sequence[OffsetRange]) -> Sequence[Answer]:
        """The valid label reviews in the ranges."""
        return [
            Answer(encounter, label, span.partition, message.offset)
            for span in ranges
            for rows, read in self._blocks(LABEL_REVIEWS, span)
            for encounter, label, message in zip(
                rows.column("encounter_id").to_pylist(),
                rows.column("label").to_pylist(),
                read,
                strict=True,
            )
        ]

    def _blocks(
        self, topic: TopicSpec, span: OffsetRange
    ) -> Iterator[tuple[pa.RecordBatch, list[RawMessage]]]:
        messages = self._reader.read([span])
        while chunk := list(islice(messages, _CHUNK)):
            yield _valid(self._decoder, topic, chunk)


def _named(rows: pa.RecordBatch) -> pa.RecordBatch:
    """SIGHTING_COLUMNS of edge cases."""
    frames = rows.column("frame")
    inner = {
        f"frame_{name}": pc.struct_field(frames, name) for name in ("uri", "digest", "media_type")
    }
    columns = [inner[name] if name in inner else rows.column(name) for name in SIGHTING_COLUMNS]
    return pa.RecordBatch.from_arrays(columns, list(SIGHTING_COLUMNS))


def _valid(
    decoder: ColumnDecoder, topic: TopicSpec, messages: Sequence[RawMessage]
) -> tuple[pa.RecordBatch, list[RawMessage]]:
    columns = decoder.decode(topic, [message.value for message in messages])
    read = [messages[int(position)] for position in columns.positions]
    refusals = validate(topic, columns.rows, [message.stamp_us for message in read])
    refused = {refusal.position for refusal in refusals}
    keep = [row for row in range(len(read)) if row not in refused]
    return columns.rows.take(pa.array(keep, pa.int64())), [read[row] for row in keep]
