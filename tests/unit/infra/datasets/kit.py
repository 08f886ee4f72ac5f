"""A line of two datasets in a real object store: a test drive, and what two devices added."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from infra.objects import PICTURE_KIND, ObjectStore
from producers.camera.camera import EncounterRequest
from producers.camera.rendered import RenderedCamera
from schemas.dataset_lines import LineBook
from schemas.examples import Example, Split
from schemas.facts import Fact
from schemas.fingerprints import fingerprint
from schemas.leakage import certificate
from schemas.manifests import Manifest, classes_metadata, to_parquet
from schemas.media import PICTURES, SOUND
from schemas.records import Agreement, DatasetManifest, Erasure, ManifestKind
from schemas.sound_strips import STEP, WINDOW, windows
from schemas.tasks import KEY, ROAD_SIGNS, Task
from schemas.topics import DATASET_MANIFESTS, ERASURES, TopicSpec
from tests.factories import dataset_manifest, erasure

SECOND = 1_000_000
GONE, KEPT = "v-gone", "v-kept"
CAMERA = RenderedCamera(5)


@dataclass
class Site:
    """An object store and the topics of datasets and erasures, as lists of facts."""

    folder: Path

    def __post_init__(self) -> None:
        self.objects = ObjectStore(f"file://{self.folder}/objects")
        self.facts: dict[str, list[Fact]] = {DATASET_MANIFESTS.name: [], ERASURES.name: []}

    def write(self, topic: TopicSpec, record: Any, stamp_us: int = SECOND) -> None:
        facts = self.facts[topic.name]
        facts.append(
            Fact(
                topic=topic.name,
                partition=0,
                offset=len(facts),
                stamp_us=stamp_us,
                record=record,
            )
        )

    def example(self, device: str, number: int, split: Split = Split.TRAIN) -> Example:
        (met,) = CAMERA.encounters([EncounterRequest(device, number)])
        strip = self.objects.put(
            PICTURES.encode(met.frames), kind=PICTURE_KIND, suffix=PICTURES.suffix
        )
        fleet = device.startswith("v-")
        return Example(
            example_id=f"{device}-{number:02}",
            encounter_id=met.encounter_id,
            device_id=device,
            split=split,
            label=CAMERA.classes[met.label],
            frame_uri=strip.uri,
            frame_digest=strip.digest,
            source_topic="edge-cases" if fleet else "",
            source_topic_id="t1" if fleet else "",
            source_partition=0 if fleet else -1,
            source_offset=number if fleet else -1,
            fingerprint=fingerprint(met.frames[-1]),
        )

    def heard(self, device: str) -> Example:
        """A spoken digit instead of a sign."""
        sound = np.random.default_rng(5).normal(0, 900, WINDOW + 3 * STEP).astype(np.int16)
        frames = windows(sound)
        strip = self.objects.put(SOUND.encode(frames), kind=PICTURE_KIND, suffix=SOUND.suffix)
        return replace(
            self.example(device, 0),
            frame_uri=strip.uri,
            frame_digest=strip.digest,
            fingerprint=SOUND.fingerprint(frames[-1]),
        )

    def assemble(
        self, name: str, examples: Iterable[Example], seq: int = 0, task: Task = ROAD_SIGNS
    ) -> DatasetManifest:
        """Announce a dataset, and before it the question and the cut it follows."""
        made = Manifest(
            tuple(sorted(examples, key=lambda one: one.example_id)),
            {
                "classes": classes_metadata(CAMERA.classes),
                "dataset_id": name,
                KEY: task.name,
            },
        )
        stored = self.objects.put(
            to_parquet(made.examples, made.metadata), kind="manifests", suffix=".parquet"
        )
        counts: dict[str, int] = {}
        for one in made.examples:
            key = f"{one.split}/{one.label}"
            counts[key] = counts.get(key, 0) + 1
        record = dataset_manifest(
            event_id=hashlib.sha256(name.encode()).hexdigest(),
            line="perception",
            dataset_id=name,
            seq=seq,
            parent="perception-0" if seq else None,
            manifest_uri=stored.uri,
            manifest_digest=stored.digest,
            counts=counts,
            excluded={"NO_CONSENT": 2} if seq else {},
            agreement=Agreement(encounters=4, agreeing=3, alpha=0.5) if seq else None,
            leakage_audit=certificate(made.examples),
            inputs=dataset_manifest().inputs if seq else (),
        )
        for number, kind in ((2, ManifestKind.ASK), (1, ManifestKind.CUT)):
            if seq:
                self.write(DATASET_MANIFESTS, replace(record, kind=kind, seq=seq - number))
        self.write(DATASET_MANIFESTS, record)
        return record

    def erase(self, device: str, stamp_us: int = 9 * SECOND) -> Erasure:
        record = erasure(event_id=f"erasure-of-{device[-1]}", device_id=device)
        self.write(ERASURES, record, stamp_us)
        return record

    def book(self) -> LineBook:
        book = LineBook()
        for fact in self.facts[DATASET_MANIFESTS.name]:
            assert book.observe(fact.record, fact.stamp_us)
        return book


def two_datasets(folder: Path) -> Site:
    """perception-0: six of a drive; perception-1: these, and three of each of two devices."""
    site = Site(folder)
    drive = [
        site.example("drive", n, Split.VALIDATION if n == 0 else Split.TRAIN) for n in range(6)
    ]
    site.assemble("perception-0", drive)
    added = [site.example(device, n) for device in (GONE, KEPT) for n in range(3)]
    site.assemble("perception-1", [*drive, *added], seq=3)
    return site
