"""The robots' dataset line in memory: begun by a test drive, mined, labelled, trained on again."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from infra.objects import PICTURE_KIND, ObjectStore
from producers.camera.camera import (
    Camera,
    Encounter,
    EncounterRequest,
    HeldBack,
    parse_encounter_id,
)
from producers.camera.draws import key
from producers.reviewer import Reviewer
from producers.seed_dataset import seed_record
from producers.training import Parent, Trained, train
from schemas.dataset_lines import LineBook
from schemas.manifests import Manifest, from_parquet
from schemas.media import SOUND
from schemas.records import DatasetManifest, EdgeCase
from schemas.topics import EDGE_CASES
from streams.dataset.assembler import Assembler
from streams.dataset.candidates import Sighting
from streams.dataset.policy import DatasetPolicy
from streams.dataset.sources import ObjectGallery, ObjectShelf
from tests.unit.producers.fleet_loop import Loop
from tests.unit.streams.dataset.kit import SECOND, FakeLog

POLICY = DatasetPolicy(line="digits", budget=60, labels_per_ask=60, min_candidates=100)


@dataclass(frozen=True)
class Line:
    """A line with its first dataset, and the release made of it.

    Attributes:
        held_back: What releases are measured and compared on.
    """

    objects: ObjectStore
    begun: DatasetManifest
    held_back: HeldBack
    first: Trained


def begin(ear: Camera, folder: str) -> Line:
    """The test drive and what the trainer makes of it."""
    objects, held_back = ObjectStore(folder), ear.held_back(99, 100)
    record = seed_record(ear, objects, line=POLICY.line, now_us=1)
    trained = train(manifest_of(objects, record), objects, 1, held_back)
    return Line(objects, record, held_back, trained)


def manifest_of(objects: ObjectStore, record: DatasetManifest) -> Manifest:
    return from_parquet(objects.get(record.manifest_uri or "", digest=record.manifest_digest))


class Room:
    """Two hundred words of an ear, said again and again by devices of any name: that is quick."""

    def __init__(self, ear: Camera) -> None:
        asks = [EncounterRequest(f"robot-{n % 20}", n) for n in range(200)]
        self._said = ear.encounters(asks)
        self.task, self.classes = ear.task, ear.classes
        self.seed, self.held_back = ear.seed, ear.held_back

    def encounters(self, requests: Sequence[EncounterRequest]) -> list[Encounter]:
        return [
            replace(self._word(ask), encounter_id=f"{ask.device_id}/{ask.number}")
            for ask in requests
        ]

    def truth(self, encounter_id: str) -> str:
        word = self._word(EncounterRequest(*parse_encounter_id(encounter_id)))
        return self.classes[word.label]

    def _word(self, ask: EncounterRequest) -> Encounter:
        return self._said[(key(0, ask.device_id) + ask.number) % len(self._said)]


def retrained(line: Line, robots: Loop) -> Trained:
    """What robots sent is mined, people say what it was, and the trainer goes on from r1.

    Raises:
        WorseError: The trainer's offline gate refuses the new model.
    """
    manifest = manifest_of(line.objects, _assembled(line, robots))
    return train(manifest, line.objects, 1, line.held_back, Parent("r1", line.first.model))


def _assembled(line: Line, robots: Loop) -> DatasetManifest:
    log, book = FakeLog(), LineBook()
    log.edge_cases[0] = [
        _sighting(line.objects, robots.album.bodies[one.frame.digest], one, offset)
        for offset, one in enumerate(robots.outbox.on(EDGE_CASES))
    ]
    worker = Assembler(POLICY, log, ObjectShelf(line.objects), ObjectGallery(line.objects))
    people = Reviewer(robots.camera, lambda: SECOND)
    step: DatasetManifest | None = line.begun
    while step is not None:
        assert book.observe(step, SECOND)
        view = book.line(POLICY.line)
        for asked in worker.requests(view):
            log.answer([asked], people.review(asked).label)
        step = worker.next(view, SECOND) if view.paid == 0 else None
    assert view.dataset is not None
    assert view.paid == POLICY.budget
    return view.dataset


def _sighting(objects: ObjectStore, sound: bytes, kept: EdgeCase, offset: int) -> Sighting:
    """An edge case as assembly reads it, its sound in the store."""
    stored = objects.put(sound, kind=PICTURE_KIND, suffix=SOUND.suffix)
    return Sighting(
        event_id=kept.event_id,
        device_id=kept.device_id,
        encounter_id=kept.encounter_id,
        frame_uri=stored.uri,
        frame_digest=kept.frame.digest,
        frame_media_type=kept.frame.media_type,
        margin=kept.margin,
        consent=kept.consent,
        embedding=np.array(kept.embedding, np.float32),
        topic_id="id-of-edge-cases",
        partition=0,
        offset=offset,
        stamp_us=SECOND,
        model_digest=kept.model_digest or "",
    )
