"""What the assembler's tests share: a log, a shelf and a gallery in memory, and a line begun."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa

from schemas.dataset_lines import LineBook
from schemas.examples import Example, Split
from schemas.manifests import Manifest, from_parquet, head_of, to_parquet
from schemas.media import PICTURES
from schemas.question_sheets import Question, QuestionSheet
from schemas.records import (
    DatasetManifest,
    DeadLetter,
    LabelRequest,
    ManifestKind,
    OffsetRange,
    Trigger,
)
from schemas.topics import EDGE_CASES
from streams.dataset.answers import Answer, Refused
from streams.dataset.candidates import SIGHTING_COLUMNS, Sighting, Sightings
from streams.dataset.policy import DatasetPolicy
from streams.dataset.ports import Seen, Unreadable
from streams.dataset.sift import Continued, continued

SECOND = 1_000_000
POLICY = DatasetPolicy(
    line="perception",
    budget=12,
    labels_per_ask=8,
    second_review_share=0.0,
    classes=("stop", "give way"),
    min_candidates=20,
    patience_s=60,
)


@dataclass
class FakeLog:
    """Two partitions a topic, as lists."""

    edge_cases: dict[int, list[Sighting]] = field(default_factory=lambda: {0: [], 1: []})
    reviews: dict[int, list[Answer]] = field(default_factory=lambda: {0: [], 1: []})
    refused: list[Refused] = field(default_factory=list)
    reads: int = 0
    gone: int = 0
    fetched: int = 0  # records given out at a time; 0: all

    def held(self, topic: str) -> Sequence[OffsetRange]:
        rows = self.edge_cases if topic == EDGE_CASES.name else self.reviews
        return [
            OffsetRange(
                topic=topic,
                topic_id=f"id-of-{topic}",
                partition=partition,
                first_offset=min(self.gone, len(held)),
                last_offset=len(held) - 1,
            )
            for partition, held in rows.items()
        ]

    def sightings(self, ranges: Sequence[OffsetRange]) -> Iterator[Sightings]:
        self.reads += 1
        for span in ranges:
            held = self.edge_cases[span.partition][span.first_offset :][: _n(span)]
            step = self.fetched or len(held) or 1
            for begin in range(0, len(held), step):
                yield columns(held[begin : begin + step])

    def seen(self, sightings: Sequence[Sighting]) -> Mapping[str, Seen]:
        return {
            s.event_id: Seen(Trigger.MARGIN, 0, 1.0 - s.margin / 2, "perception-1", "ab" * 32)
            for s in sightings
        }

    def letters(self, refused: Sequence[Refused]) -> Sequence[DeadLetter]:
        """Kept as they are: a letter's bytes are the glue's."""
        self.refused += refused
        return ()

    def answers(self, ranges: Sequence[OffsetRange]) -> Sequence[Answer]:
        return [a for r in ranges for a in self.reviews[r.partition][r.first_offset :][: _n(r)]]

    def see(self, count: int, seed: int = 1) -> None:
        generator = np.random.default_rng(seed)
        for number in range(count):
            vector = generator.normal(size=16).astype(np.float32)
            partition = number % 2
            self.edge_cases[partition].append(
                Sighting(
                    event_id=f"s{seed}-{number:04}",
                    device_id=f"d{seed}-{number % 7}",
                    encounter_id=f"d{seed}-{number % 7}/{number}",
                    frame_uri=f"file:///{seed}/{number}",
                    frame_digest=f"digest-{seed}-{number}",
                    frame_media_type=PICTURES.media_type,
                    margin=float(generator.uniform()),
                    consent=True,
                    embedding=vector / np.linalg.norm(vector),
                    topic_id="id-of-edge-cases",
                    partition=partition,
                    offset=len(self.edge_cases[partition]),
                    stamp_us=SECOND,
                )
            )

    def answer(
        self, requests: Iterable[LabelRequest], label: str = "stop", **changes: Any
    ) -> list[Answer]:
        """One answer to each, by a person of its own for each answer of a question."""
        said = []
        for request in requests:
            partition = len(request.device_id) % 2
            rows = self.reviews[partition]
            one = Answer(
                event_id=f"{request.event_id}/{len(rows)}",
                device_id=request.device_id,
                edge_case_id=request.edge_case_id,
                encounter_id=request.encounter_id,
                reviewer=f"reviewer-{request.review}",
                label=label,
                line=request.budget_line,
                withdraws=None,
                topic_id="id-of-label-reviews",
                partition=partition,
                offset=len(rows),
            )
            said.append(replace(one, **changes))
            rows.append(said[-1])
        return said


def columns(sightings: Sequence[Sighting]) -> Sightings:
    """Sightings of one partition as they are read from the log."""
    names = [*SIGHTING_COLUMNS]
    rows = pa.RecordBatch.from_pylist(
        [{name: getattr(one, name) for name in names} for one in sightings],
        schema=pa.schema([(name, _TYPES.get(name, pa.string())) for name in names]),
    )
    return Sightings(
        rows=rows,
        topic_id=sightings[0].topic_id,
        partition=sightings[0].partition,
        offsets=np.array([one.offset for one in sightings], np.int64),
        stamps_us=np.array([one.stamp_us for one in sightings], np.int64),
    )


_TYPES = {"margin": pa.float64(), "consent": pa.bool_(), "embedding": pa.list_(pa.float32())}


def _n(span: OffsetRange) -> int:
    return span.last_offset - span.first_offset + 1


@dataclass
class FakeShelf:
    """Manifests by address, through their real bytes."""

    bodies: dict[str, bytes] = field(default_factory=dict)

    def manifest(self, dataset: DatasetManifest) -> Manifest:
        return from_parquet(self.bodies[dataset.manifest_uri or ""])

    def continued(self, dataset: DatasetManifest) -> Continued:
        head, names = head_of(self.bodies[dataset.manifest_uri or ""])
        return continued(head, names, self.questions(dataset))

    def store(self, manifest: Manifest) -> tuple[str, str]:
        body = to_parquet(manifest.examples, manifest.metadata)
        digest = hashlib.sha256(body).hexdigest()
        self.bodies[digest] = body
        return digest, digest

    def questions(self, dataset: DatasetManifest) -> QuestionSheet:
        if dataset.questions_uri is None:
            return QuestionSheet()
        return QuestionSheet.from_parquet(self.bodies[dataset.questions_uri])

    def store_questions(self, sheet: QuestionSheet) -> tuple[str, str]:
        body = sheet.to_parquet()
        digest = hashlib.sha256(body).hexdigest()
        self.bodies[digest] = body
        return digest, digest


@dataclass
class FakeGallery:
    """Every picture is itself, but for those that cannot be read."""

    unreadable: dict[str, Unreadable] = field(default_factory=dict)

    def fingerprint(self, question: Question) -> bytes | Unreadable:
        digest = question.frame_digest
        return self.unreadable.get(digest) or hashlib.sha512(digest.encode()).digest()


def seed_example() -> Example:
    return Example(
        example_id="a",
        encounter_id="test-drive/1",
        device_id="test-drive",
        split=Split.TRAIN,
        label="yield",
        frame_uri="file:///seed",
        frame_digest="digest-seed",
    )


def seeded(shelf: FakeShelf) -> LineBook:
    uri, digest = shelf.store(Manifest((seed_example(),), {"classes": '["yield"]'}))
    book = LineBook()
    assert book.observe(
        DatasetManifest(
            event_id="seed",
            source="simulated",
            kind=ManifestKind.ASSEMBLED,
            line="perception",
            dataset_id="perception-seed",
            seq=0,
            manifest_uri=uri,
            manifest_digest=digest,
            counts={},
            label_cost=0,
            budget=12,
            slices={},
            excluded={},
            inputs=(),
            assembled_ts=0,
        ),
        stamp_us=0,
    )
    return book
