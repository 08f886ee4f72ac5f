"""The first dataset of a line: a labelled test drive, with which the loop begins."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Final

from infra.objects import PICTURE_KIND, ObjectStore
from producers.camera.camera import Camera, Encounter
from producers.camera.rendered import TEST_DRIVE
from producers.publishing import Publishing
from schemas.examples import Example, Split
from schemas.leakage import audit, parted
from schemas.manifests import classes_metadata, to_parquet
from schemas.records import DatasetManifest, ManifestKind
from schemas.tasks import KEY as TASK
from schemas.topics import DATASET_MANIFESTS

ENCOUNTERS: Final = 360
"""Encounters of a test drive at most; recorded pictures may hold fewer."""
_VALIDATES_EVERY: Final = 12


def publish_seed(
    camera: Camera, objects: ObjectStore, publisher: Publishing, *, line: str, now_us: int
) -> DatasetManifest:
    """Store the test drive's frames and manifest, and begin the line with it.

    On a line that has begun already the record is void: its seq is 0.

    Raises:
        CameraError: The camera gives no test drive.
        DeliveryError: The broker did not take the record.
    """
    record = seed_record(camera, objects, line=line, now_us=now_us)
    publisher.publish(DATASET_MANIFESTS, record)
    publisher.flush()
    return record


def seed_record(camera: Camera, objects: ObjectStore, *, line: str, now_us: int) -> DatasetManifest:
    """The ASSEMBLED record of seq 0 of a line; all it speaks of is in the object store."""
    encounters = camera.seed(ENCOUNTERS)
    driven = [_example(objects, camera, one) for one in encounters]
    examples = parted([], driven)
    dataset_id = f"{line}-{_digest(line, examples)}"
    metadata = {
        "classes": classes_metadata(camera.classes),
        "dataset_id": dataset_id,
        TASK: camera.task.name,
    }
    stored = objects.put(to_parquet(examples, metadata), kind="manifests", suffix=".parquet")
    counts = Counter(f"{example.split}/{example.label}" for example in examples)
    return DatasetManifest(
        event_id=hashlib.sha256(f"seed\n{line}\n{dataset_id}".encode()).hexdigest()[:32],
        source="simulated",
        kind=ManifestKind.ASSEMBLED,
        line=line,
        dataset_id=dataset_id,
        seq=0,
        manifest_uri=stored.uri,
        manifest_digest=stored.digest,
        counts=dict(sorted(counts.items())),
        label_cost=0,
        budget=0,
        slices={TEST_DRIVE: len(examples)},
        excluded={"NEAR_OTHER_SIDE": near} if (near := len(driven) - len(examples)) else {},
        leakage_audit=audit(examples),
        inputs=(),
        assembled_ts=now_us,
    )


def _example(objects: ObjectStore, camera: Camera, one: Encounter) -> Example:
    medium = camera.task.medium
    strip = objects.put(medium.encode(one.frames), kind=PICTURE_KIND, suffix=medium.suffix)
    number = int(one.encounter_id.rpartition("/")[2])
    return Example(
        example_id=hashlib.sha256(f"{one.encounter_id}\n{strip.digest}".encode()).hexdigest()[:32],
        encounter_id=one.encounter_id,
        device_id=TEST_DRIVE,
        split=Split.VALIDATION if number % _VALIDATES_EVERY == 0 else Split.TRAIN,
        label=camera.classes[one.label],
        frame_uri=strip.uri,
        frame_digest=strip.digest,
        fingerprint=medium.fingerprint(one.frames[-1]),
    )


def _digest(line: str, examples: Sequence[Example]) -> str:
    parts = [line, *(f"{one.example_id} {one.split} {one.label}" for one in examples)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
