"""From a dataset to a model: the test drive, the card, and what cannot be trained on."""

import dataclasses
import json
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from infra.objects import ObjectCorruptError, ObjectMissingError, ObjectStore
from producers import seed_dataset, training
from producers.camera.rendered import RenderedCamera
from producers.device.engine import Engine
from producers.device.known import Known
from producers.evaluation import compare, evaluate
from producers.model.runtime import Model
from producers.proposing import store
from producers.seed_dataset import publish_seed, seed_record
from producers.training import DatasetError, Parent, train
from schemas.examples import Split
from schemas.film_strips import StripError, from_png
from schemas.known_inputs import KnownInputs, from_json, known_name
from schemas.manifests import Manifest, ManifestError, classes_of, from_parquet
from schemas.media import PICTURES
from schemas.records import DatasetManifest, ManifestKind
from schemas.topics import DATASET_MANIFESTS
from schemas.validation import check
from tests.unit.producers.learning_kit import NOW_US, Log


@pytest.fixture
def objects(tmp_path: Path) -> ObjectStore:
    return ObjectStore(f"file://{tmp_path}")


@pytest.fixture
def seeded(
    camera: RenderedCamera, objects: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> DatasetManifest:
    monkeypatch.setattr(seed_dataset, "ENCOUNTERS", 60)
    return seed_record(camera, objects, line="perception", now_us=NOW_US)


def manifest_of(record: DatasetManifest, objects: ObjectStore) -> Manifest:
    return from_parquet(objects.get(record.manifest_uri or "", digest=record.manifest_digest))


def test_the_test_drive_begins_the_line(
    seeded: DatasetManifest, camera: RenderedCamera, objects: ObjectStore
) -> None:
    assert (seeded.kind, seeded.seq, seeded.parent) == (ManifestKind.ASSEMBLED, 0, None)
    check(DATASET_MANIFESTS.name, seeded, NOW_US)
    assert sum(seeded.counts.values()) == 60
    manifest = manifest_of(seeded, objects)
    assert classes_of(manifest) == camera.classes
    assert manifest.metadata["dataset_id"] == seeded.dataset_id
    drive = {one.encounter_id: one for one in camera.seed(60)}
    for example in manifest.examples:
        frames = from_png(objects.get(example.frame_uri, digest=example.frame_digest))
        assert np.array_equal(frames, drive[example.encounter_id].frames)
        assert example.label == camera.classes[drive[example.encounter_id].label]
    assert sum(example.split is Split.VALIDATION for example in manifest.examples) == 5


def test_the_same_test_drive_is_the_same_dataset(
    seeded: DatasetManifest, camera: RenderedCamera, objects: ObjectStore
) -> None:
    again = seed_record(camera, objects, line="perception", now_us=NOW_US + 1)
    assert dataclasses.replace(again, assembled_ts=NOW_US) == seeded
    other = seed_record(RenderedCamera(12), objects, line="perception", now_us=NOW_US)
    assert other.dataset_id != seeded.dataset_id


def test_it_is_published_once_it_is_stored(
    camera: RenderedCamera, objects: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seed_dataset, "ENCOUNTERS", 3)
    log = Log()
    record = publish_seed(camera, objects, log, line="perception", now_us=NOW_US)
    assert log.of(DATASET_MANIFESTS) == [record]
    assert len(manifest_of(record, objects).examples) == 3


def test_a_dataset_becomes_a_model_with_its_card(
    seeded: DatasetManifest, camera: RenderedCamera, objects: ObjectStore
) -> None:
    manifest, held_back = manifest_of(seeded, objects), camera.held_back(1, 40)
    trained = train(manifest, objects, 1, held_back)
    again = train(manifest, objects, 1, held_back)
    assert (trained.model, trained.card) == (again.model, again.card)
    assert Model(trained.model).classes == camera.classes
    card = json.loads(trained.card)
    assert card["dataset_id"] == seeded.dataset_id
    assert card["model"]["digest"] == sha256(trained.model).hexdigest()
    assert card["training"]["by_origin"] == {"test-drive": 55}
    assert card["training"]["pictures"] == 330
    assert card["validation"]["encounters"] == 5
    expected = evaluate(trained.model, held_back)
    assert card["held_back"]["mean"] == expected.mean == trained.metrics["accuracy"]
    assert {"slice/light/NIGHT", "slice/weather/SNOW", "slice/region/alps"} <= set(trained.metrics)
    artifact = store(objects, trained, PICTURES)
    known = from_json(objects.get(known_name(artifact.digest)))
    assert Known(known).answered_by(Engine(trained.model, artifact.digest))
    assert not Known(KnownInputs(known.names, known.inputs[::-1])).answered_by(
        Engine(trained.model, artifact.digest)
    )


def test_without_held_back_pictures_the_validation_side_speaks(
    seeded: DatasetManifest, objects: ObjectStore
) -> None:
    trained = train(manifest_of(seeded, objects), objects, 1)
    card = json.loads(trained.card)
    assert card["held_back"] is None
    assert trained.metrics["accuracy"] == card["validation"]["mean"]
    assert "slice/origin/test-drive" in trained.metrics


def test_the_card_compares_with_the_parent_slice_by_slice(
    seeded: DatasetManifest, camera: RenderedCamera, objects: ObjectStore, small_model: bytes
) -> None:
    held_back = camera.held_back(1, 200)
    trained = train(manifest_of(seeded, objects), objects, 1, held_back, Parent("r1", small_model))
    card = json.loads(trained.card)["parent"]
    assert (card["release_id"], card["digest"]) == ("r1", sha256(small_model).hexdigest())
    expected = compare(trained.model, small_model, held_back)
    assert card["difference"] == dataclasses.asdict(expected)
    assert "weather/SNOW" in card["slices"]


def test_what_cannot_be_trained_on_is_refused(
    seeded: DatasetManifest, objects: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = manifest_of(seeded, objects)
    first = whole.examples[0]
    validating = tuple(dataclasses.replace(one, split=Split.VALIDATION) for one in whole.examples)
    with pytest.raises(DatasetError, match="0 examples with split TRAIN"):
        train(Manifest(validating, whole.metadata), objects, 1)

    def with_first(**change: object) -> Manifest:
        changed = dataclasses.replace(first, split=Split.TRAIN, **change)  # type: ignore[arg-type] # any field
        return Manifest((changed, *whole.examples[1:]), whole.metadata)

    with pytest.raises(ObjectMissingError, match="nowhere"):
        train(with_first(frame_uri=objects.uri("frames/nowhere.png")), objects, 1)
    with pytest.raises(ObjectCorruptError, match="announced 00"):
        train(with_first(frame_digest="00" * 32), objects, 1)
    junk = objects.put(b"junk", kind="frames")
    with pytest.raises(StripError, match="4 bytes: not a PNG"):
        train(with_first(frame_uri=junk.uri, frame_digest=junk.digest), objects, 1)
    monkeypatch.setattr(training, "MAX_FRAMES", 100)
    with pytest.raises(DatasetError, match="more than 100"):
        train(whole, objects, 1)


@pytest.mark.parametrize("text", ["{", "{}", '["a", "a"]', '[""]', "[1]"])
def test_a_wrong_list_of_classes_is_refused(text: str) -> None:
    with pytest.raises(ManifestError, match="metadata classes="):
        classes_of(Manifest((), {"classes": text}))


def test_labels_the_metadata_does_not_name_come_last(
    seeded: DatasetManifest, objects: ObjectStore
) -> None:
    examples = manifest_of(seeded, objects).examples
    found = classes_of(Manifest(examples, {"classes": '["zebra"]'}))
    assert found == ("zebra", *sorted({example.label for example in examples}))
