"""Where assembly reads and keeps: ranges of the log as values, manifests in the object store."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from infra.kafka.dead_letters import letter
from infra.kafka.messages import RawMessage
from infra.kafka.ranges import RangeReader
from infra.objects import ObjectCorruptError, ObjectMissingError, ObjectStore
from infra.question_store import put_questions, questions_at
from infra.settings import KafkaSettings
from schemas.columns import ColumnDecoder
from schemas.errors import ErrorClass
from schemas.film_strips import StripError
from schemas.manifests import Manifest, ManifestError, from_parquet, head_of, to_parquet
from schemas.media import MEDIA
from schemas.question_sheets import Question, QuestionSheet
from schemas.records import DatasetManifest, DeadLetter, OffsetRange, Trigger
from schemas.registry import Registry
from schemas.topics import EDGE_CASES, LABEL_REVIEWS, TopicSpec
from schemas.validation import validate
from streams.dataset.answers import Answer, Refused
from streams.dataset.candidates import SIGHTING_COLUMNS, Sighting, Sightings
from streams.dataset.ports import Seen, Unreadable
from streams.dataset.sift import Continued, continued

STAGE: Final = "dataset"
_CHUNK: Final = 8_000
"""Messages decoded at a time, so that a long range is never in memory as it was sent."""


class ObjectShelf:
    """Manifests and questions in the object store, addressed by their content."""

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
        return continued(head, names, self.questions(dataset))

    def _body(self, dataset: DatasetManifest) -> bytes:
        if dataset.manifest_uri is None:
            raise ManifestError(f"dataset {dataset.dataset_id}: manifest_uri must not be null")
        return self._objects.get(dataset.manifest_uri, digest=dataset.manifest_digest)

    def store(self, manifest: Manifest) -> tuple[str, str]:
        """Keep a manifest; its address and digest."""
        body = to_parquet(manifest.examples, manifest.metadata)
        stored = self._objects.put(body, kind="manifests", suffix=".parquet")
        return stored.uri, stored.digest

    def questions(self, dataset: DatasetManifest) -> QuestionSheet:
        """All questions of the line up to an assembled dataset; none of one from before them.

        Raises:
            ObjectMissingError, ObjectCorruptError, ManifestError: They cannot be had as announced.
        """
        if dataset.questions_uri is None or dataset.questions_digest is None:
            return QuestionSheet()
        return questions_at(self._objects, dataset.questions_digest)

    def store_questions(self, sheet: QuestionSheet) -> tuple[str, str]:
        """Keep them; their address and digest."""
        return put_questions(self._objects, sheet)


class ObjectGallery:
    """Frames of encounters in the object store."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    def fingerprint(self, question: Question) -> bytes | Unreadable:
        """Of the nearest, last frame."""
        medium = MEDIA[question.frame_media_type]
        try:
            body = self._objects.get(question.frame_uri, digest=question.frame_digest)
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

    def seen(self, sightings: Sequence[Sighting]) -> Mapping[str, Seen]:
        """What devices made of some of them, by event id; only these records are decoded."""
        found: dict[str, Seen] = {}
        wanted = {(s.partition, s.offset) for s in sightings}
        for span in _spanning(EDGE_CASES, [(s.topic_id, s.partition, s.offset) for s in sightings]):
            chosen = [m for m in self._reader.read([span]) if (m.partition, m.offset) in wanted]
            rows, _ = _valid(self._decoder, EDGE_CASES, chosen)
            found |= {row["event_id"]: _seen(row) for row in rows.select(_SEEN_COLUMNS).to_pylist()}
        return found

    def answers(self, ranges: Sequence[OffsetRange]) -> Sequence[Answer]:
        """The valid label reviews in the ranges."""
        return [
            Answer(
                event_id=row["event_id"],
                device_id=row["device_id"],
                edge_case_id=row["edge_case_id"],
                encounter_id=row["encounter_id"],
                reviewer=row["reviewer"],
                label=row["label"],
                line=row["budget_line"],
                withdraws=row["withdraws"],
                topic_id=span.topic_id,
                partition=span.partition,
                offset=message.offset,
            )
            for span in ranges
            for rows, read in self._blocks(LABEL_REVIEWS, span)
            for row, message in zip(rows.select(_ANSWER_COLUMNS).to_pylist(), read, strict=True)
        ]

    def letters(self, refused: Sequence[Refused]) -> Sequence[DeadLetter]:
        """Dead letters of reviews that mean what cannot be, byte for byte."""
        by_place = {(r.answer.partition, r.answer.offset): r for r in refused}
        places = [(r.answer.topic_id, r.answer.partition, r.answer.offset) for r in refused]
        return [
            letter(
                message,
                span.topic_id,
                stage=STAGE,
                error_class=ErrorClass.REFUSED.value,
                field=why.field,
                reason=why.reason,
            )
            for span in _spanning(LABEL_REVIEWS, places)
            for message in self._reader.read([span])
            if (why := by_place.get((message.partition, message.offset))) is not None
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


_SEEN_COLUMNS: Final = [
    "event_id",
    "trigger",
    "top1",
    "confidence",
    "release_id",
    "model_digest",
]
_ANSWER_COLUMNS: Final = [
    "event_id",
    "device_id",
    "edge_case_id",
    "encounter_id",
    "reviewer",
    "label",
    "budget_line",
    "withdraws",
]


def _spanning(topic: TopicSpec, places: Sequence[tuple[str, int, int]]) -> Iterator[OffsetRange]:
    """The shortest range of each partition that holds all places (topic id, partition, offset)."""
    by_partition: dict[tuple[str, int], list[int]] = {}
    for topic_id, partition, offset in places:
        by_partition.setdefault((topic_id, partition), []).append(offset)
    for (topic_id, partition), offsets in sorted(by_partition.items()):
        yield OffsetRange(
            topic=topic.name,
            topic_id=topic_id,
            partition=partition,
            first_offset=min(offsets),
            last_offset=max(offsets),
        )


def _seen(row: dict[str, Any]) -> Seen:
    return Seen(
        trigger=Trigger(row["trigger"]),
        top1=row["top1"],
        confidence=row["confidence"],
        release_id=row["release_id"],
        model_digest=row["model_digest"],
    )


def _valid(
    decoder: ColumnDecoder, topic: TopicSpec, messages: Sequence[RawMessage]
) -> tuple[pa.RecordBatch, list[RawMessage]]:
    columns = decoder.decode(topic, [message.value for message in messages])
    read = [messages[int(position)] for position in columns.positions]
    refusals = validate(topic, columns.rows, [message.stamp_us for message in read])
    refused = {refusal.position for refusal in refusals}
    keep = [row for row in range(len(read)) if row not in refused]
    return columns.rows.take(pa.array(keep, pa.int64())), [read[row] for row in keep]
