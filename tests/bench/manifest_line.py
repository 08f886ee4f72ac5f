"""A line that has come to a cut: the parent's manifest in a store, a question and its answers."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from infra.kafka.publisher import Publisher
from infra.kafka.ranges import RangeReader
from infra.objects import ObjectStore, StoredObject
from infra.settings import KafkaSettings
from producers.camera.recording import read_recording
from producers.camera.rendered import RenderedCamera
from schemas.codec import Codec
from schemas.examples import Example, Split
from schemas.film_strips import to_png
from schemas.fingerprints import fingerprint
from schemas.manifests import Manifest
from schemas.records import DatasetManifest, ManifestKind, OffsetRange
from schemas.registry import FileRegistry
from schemas.topics import EDGE_CASES, LABEL_REVIEWS
from streams.dataset.identity import device_fraction
from streams.dataset.policy import DatasetPolicy
from streams.dataset.sources import ObjectShelf
from tests.bench.assembly_embeddings import SHARED
from tests.factories import dataset_manifest, edge_case, frame, label_review

ADDED: Final = 5_000
POLICY: Final = DatasetPolicy(budget=10_000_000, labels_per_ask=ADDED, max_candidates=2 * ADDED)
_DEVICES: Final = 20_000
_CLASSES: Final = [f"class-{n:02}" for n in range(43)]
_LEFT_OUT: Final = {"leakage_audit", "agreement"}
_AT_ONCE: Final = 10_000
_MOVED: Final = (0.3, 0.8)  # of a fingerprint's own contrast: far beyond what counts as near


def publish(kafka: KafkaSettings, folder: Path, examples: int) -> None:
    """Store the parent, put question and answers on the log, write the line down."""
    objects = ObjectStore(f"file://{folder}/objects")
    pictures = _pictures()
    metadata = {"classes": json.dumps(_CLASSES), "dataset_id": "parent"}
    parent = Manifest(tuple(_inherited(pictures, examples - ADDED)), metadata)
    uri, digest = ObjectShelf(objects).store(parent)
    publisher = Publisher(kafka, Codec(FileRegistry()), "bench")
    try:
        for number in range(ADDED):
            _encounter(publisher, number, _picture(objects, pictures, number))
        publisher.flush(120)
    finally:
        publisher.close(0)
    _write(folder, RangeReader(kafka), uri, digest)


def read(folder: Path) -> list[DatasetManifest]:
    """The line: its parent, its question, its cut."""
    rows = json.loads((folder / "line.json").read_text())
    return [
        DatasetManifest(
            **{
                **row,
                "kind": ManifestKind(row["kind"]),
                "classes": tuple(row["classes"]),
                "inputs": tuple(OffsetRange(**span) for span in row["inputs"]),
            }
        )
        for row in rows
    ]


def _write(folder: Path, log: RangeReader, uri: str, digest: str) -> None:
    asked = tuple(log.held([EDGE_CASES.name]))
    answered = tuple(log.held([LABEL_REVIEWS.name]))
    over: dict[str, Any] = {
        "line": POLICY.line,
        "manifest_uri": None,
        "manifest_digest": None,
        "classes": tuple(_CLASSES),
        "questions_uri": None,
        "questions_digest": None,
    }
    line = [
        dataset_manifest(
            **over | {"manifest_uri": uri, "manifest_digest": digest},
            seq=0,
            kind=ManifestKind.ASSEMBLED,
            dataset_id="parent",
            label_cost=0,
            inputs=(),
        ),
        dataset_manifest(
            **over, seq=1, kind=ManifestKind.ASK, dataset_id="next", label_cost=ADDED, inputs=asked
        ),
        dataset_manifest(
            **over,
            seq=2,
            kind=ManifestKind.CUT,
            dataset_id="next",
            label_cost=ADDED,
            inputs=(*asked, *answered),
        ),
    ]
    kept = [{k: v for k, v in asdict(one).items() if k not in _LEFT_OUT} for one in line]
    (folder / "line.json").write_text(json.dumps(kept))


def _pictures() -> NDArray[np.uint8]:
    tracks = SHARED / "data" / "gtsrb_tracks"
    if tracks.is_dir():
        return read_recording(tracks).images
    return np.concatenate([one.frames for one in RenderedCamera(0).seed(360)])


def _inherited(pictures: NDArray[np.uint8], count: int) -> Iterator[Example]:
    real = np.stack([np.frombuffer(fingerprint(one), np.uint8) for one in pictures])
    for number in range(count):
        if number % _AT_ONCE == 0:
            moved = _moved(real, number)
        device = f"old-{number % _DEVICES}"
        digest = f"{number:064x}"
        yield Example(
            example_id=f"{device}/1763769000/{number}",
            encounter_id=f"{device}/{number}",
            device_id=device,
            split=_side(device),
            label=_CLASSES[number % len(_CLASSES)],
            frame_uri=f"file:///objects/frames/{digest[:2]}/{digest}.png",
            frame_digest=digest,
            source_topic=EDGE_CASES.name,
            source_topic_id="a-topic-of-before",
            source_partition=number % 8,
            source_offset=number // 8,
            fingerprint=moved[number % _AT_ONCE].tobytes(),
        )


def _moved(real: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """Fingerprints uint8 [_AT_ONCE, 64] like real ones, each its own."""
    draw = np.random.default_rng(seed)
    grey = real[draw.integers(len(real), size=_AT_ONCE)].astype(np.float32)
    contrast = grey.std(axis=1, keepdims=True) * draw.uniform(*_MOVED, (_AT_ONCE, 1))
    moved: NDArray[np.uint8] = np.clip(grey + draw.normal(size=grey.shape) * contrast, 0, 255)
    return moved.astype(np.uint8)


def _side(device: str) -> Split:
    validates = device_fraction(device) < POLICY.validation_share
    return Split.VALIDATION if validates else Split.TRAIN


def _picture(objects: ObjectStore, pictures: NDArray[np.uint8], number: int) -> StoredObject:
    """A film strip of six frames; noise makes each its own."""
    draw = np.random.default_rng(number)
    frames = pictures[draw.integers(len(pictures), size=6)].astype(np.int16)
    contrast = frames[-1].std() * draw.uniform(*_MOVED)
    noise = draw.normal(size=(8, 8, 1)).repeat(4, 0).repeat(4, 1) * contrast
    strip = np.clip(frames + noise, 0, 255).astype(np.uint8)
    return objects.put(to_png(strip), kind="frames", suffix=".png")


def _encounter(publisher: Publisher, number: int, picture: StoredObject) -> None:
    device = f"new-{number % _DEVICES}"
    vector = np.random.default_rng(number).normal(size=128)
    case = edge_case(
        event_id=f"{device}/1763769000/{number}",
        device_id=device,
        encounter_id=f"{device}/{number}",
        frame=frame(uri=picture.uri, digest=picture.digest, bytes=picture.bytes),
        margin=number / ADDED,
        embedding=tuple((vector / np.linalg.norm(vector)).tolist()),
    )
    review = label_review(
        event_id=f"review/{number}",
        device_id=device,
        edge_case_id=case.event_id,
        encounter_id=case.encounter_id,
        label=_CLASSES[number % len(_CLASSES)],
    )
    publisher.publish(EDGE_CASES, case)
    publisher.publish(LABEL_REVIEWS, review)
