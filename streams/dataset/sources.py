"""Where assembly reads and keeps: ranges of the log as values, manifests in the object store."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa

from infra.kafka.admin import Admin
from infra.kafka.messages import RawMessage
from infra.kafka.ranges import RangeReader
from infra.objects import ObjectStore
from infra.settings import KafkaSettings
from schemas.columns import ColumnDecoder
from schemas.manifests import Manifest, from_parquet, to_parquet
from schemas.records import DatasetManifest, OffsetRange
from schemas.registry import Registry
from schemas.topics import EDGE_CASES, LABEL_REVIEWS, TopicSpec
from schemas.validation import validate
from streams.dataset.answers import Answer
from streams.dataset.candidates import Sighting


class ObjectShelf:
    """Manifests in the object store, addressed by their content."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    def manifest(self, dataset: DatasetManifest) -> Manifest:
        """The manifest of an assembled dataset.

        Raises:
            ObjectMissingError, ObjectCorruptError, ManifestError: It cannot be had as announced.
        """
        body = self._objects.get(dataset.manifest_uri or "", digest=dataset.manifest_digest)
        return from_parquet(body)

    def store(self, manifest: Manifest) -> tuple[str, str]:
        """Keep a manifest; its address and digest."""
        body = to_parquet(manifest.examples, manifest.metadata)
        stored = self._objects.put(body, kind="manifests", suffix=".parquet")
        return stored.uri, stored.digest


class KafkaLog:
    """Ranges of edge-cases and label-reviews, read from the broker; invalid records are left out.

    The sink dead-letters what is invalid, by the same validation.
    """

    def __init__(self, kafka: KafkaSettings, registry: Registry) -> None:
        self._admin = Admin(kafka)
        self._reader = RangeReader(kafka)
        self._decoder = ColumnDecoder(registry)

    def topic_id(self, topic: str) -> str:
        """Identity of the log of that name."""
        return self._admin.topic_ids([topic])[topic]

    def ends(self, topic: str) -> Mapping[int, int]:
        """End offset by partition."""
        ends = self._admin.end_offsets([topic])
        return {partition: end for (_, partition), end in ends.items()}

    def sightings(self, ranges: Sequence[OffsetRange]) -> Sequence[Sighting]:
        """The valid edge cases in the ranges."""
        return [
            sighting
            for span in ranges
            for rows, offsets in self._rows(EDGE_CASES, span)
            for sighting in _sightings(rows, offsets, span)
        ]

    def answers(self, ranges: Sequence[OffsetRange]) -> Sequence[Answer]:
        """The valid label reviews in the ranges."""
        return [
            Answer(row["encounter_id"], row["label"], row["reviewer"], span.partition, offset)
            for span in ranges
            for rows, offsets in self._rows(LABEL_REVIEWS, span)
            for row, offset in zip(rows.to_pylist(), offsets, strict=True)
        ]

    def _rows(
        self, topic: TopicSpec, span: OffsetRange
    ) -> Iterable[tuple[pa.RecordBatch, list[int]]]:
        messages = [m for m in self._reader.read([span]) if m.value is not None]
        if messages:
            yield _valid(self._decoder, topic, messages)


def _valid(
    decoder: ColumnDecoder, topic: TopicSpec, messages: Sequence[RawMessage]
) -> tuple[pa.RecordBatch, list[int]]:
    columns = decoder.decode(topic, [m.value for m in messages if m.value is not None])
    stamps = np.array([messages[int(i)].stamp_us for i in columns.positions], dtype=np.int64)
    refused = {refusal.position for refusal in validate(topic, columns.rows, stamps)}
    keep = [row for row in range(columns.rows.num_rows) if row not in refused]
    offsets = [messages[int(columns.positions[row])].offset for row in keep]
    return columns.rows.take(pa.array(keep, pa.int64())), offsets


def _sightings(
    rows: pa.RecordBatch, offsets: Sequence[int], span: OffsetRange
) -> Iterable[Sighting]:
    wanted = rows.select(
        ["event_id", "device_id", "encounter_id", "frame", "margin", "consent", "embedding"]
    )
    for row, offset in zip(wanted.to_pylist(), offsets, strict=True):
        yield Sighting(
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
            offset=offset,
        )
