"""The model file: a checked graph that answers the same alone and in a batch."""

import json
import time

import numpy as np
import onnx
import pytest

from producers.camera.camera import EncounterRequest
from producers.camera.rendered import RenderedCamera
from producers.model.features import WIDTH
from producers.model.fronts import features, front_of
from producers.model.head import HIDDEN, Head
from producers.model.network import to_onnx
from producers.model.runtime import Model, ModelError, open_session
from schemas.media import PICTURES


def pictures(camera: RenderedCamera, encounters: int) -> np.ndarray:
    asks = [EncounterRequest("d", number) for number in range(encounters)]
    return np.concatenate([one.frames for one in camera.encounters(asks)])


def test_the_file_says_what_it_takes_and_gives(small_model: bytes, camera: RenderedCamera) -> None:
    model = onnx.load_from_string(small_model)
    onnx.checker.check_model(model, full_check=True)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 17)]
    session = open_session(small_model)
    (taken,) = session.get_inputs()
    assert (taken.name, taken.type, taken.shape) == ("image", "tensor(uint8)", ["N", 32, 32, 3])
    assert {out.name: out.shape for out in session.get_outputs()} == {
        "prob": ["N", 16],
        "emb": ["N", HIDDEN],
    }
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["classes"]) == list(camera.classes)
    assert (metadata["dataset_id"], metadata["seed"]) == ("dataset-1", "1")


def test_alone_and_in_a_batch_the_answers_are_the_same(
    small_model: bytes, camera: RenderedCamera
) -> None:
    model, shown = Model(small_model), pictures(camera, 11)[:64]
    together = model.run(shown)
    alone = [model.run(shown[index : index + 1]) for index in range(64)]
    assert np.array_equal(together.prob, np.concatenate([one.prob for one in alone]))
    assert np.array_equal(together.emb, np.concatenate([one.emb for one in alone]))


def test_answers_are_probabilities_and_unit_vectors(
    small_model: bytes, camera: RenderedCamera
) -> None:
    shown = np.concatenate(
        [pictures(camera, 20), np.zeros((1, 32, 32, 3), np.uint8), np.full((1, 32, 32, 3), 255)]
    ).astype(np.uint8)
    answers = Model(small_model).run(shown)
    assert answers.prob.sum(1) == pytest.approx(1, abs=1e-5)
    assert np.linalg.norm(answers.emb, axis=1) == pytest.approx(1, abs=1e-5)


def test_no_picture_no_answer(small_model: bytes) -> None:
    answers = Model(small_model).run(np.empty((0, 32, 32, 3), np.uint8))
    assert (answers.prob.shape, answers.emb.shape) == ((0, 16), (0, 128))


def test_the_file_runs_the_features_that_training_saw(camera: RenderedCamera) -> None:
    """A head that copies the first 128 features gives them back as its embedding."""
    head = Head(
        np.eye(WIDTH, HIDDEN, dtype=np.float32),
        np.zeros(HIDDEN, np.float32),
        np.zeros((HIDDEN, 2), np.float32),
        np.zeros(2, np.float32),
    )
    shown = pictures(camera, 5)
    found = features(shown)
    expected = found[:, :HIDDEN] / np.linalg.norm(found[:, :HIDDEN], axis=1, keepdims=True)
    assert found.shape == (30, WIDTH)
    assert Model(to_onnx(head, front_of(PICTURES), "ab", "d", 1)).run(shown).emb == pytest.approx(
        expected, abs=1e-6
    )


def test_features_hardly_see_how_bright_it_is(camera: RenderedCamera) -> None:
    shown = pictures(camera, 10)
    dimmed = (shown * 0.5).astype(np.uint8)
    moved = np.linalg.norm(features(shown) - features(dimmed), axis=1)
    assert (moved < 0.12 * np.linalg.norm(features(shown), axis=1)).all()


def test_one_picture_costs_little_on_one_thread(small_model: bytes, camera: RenderedCamera) -> None:
    """About 0.06 ms of CPU time here; the bound only catches a graph gone wrong."""
    session, shown = open_session(small_model), pictures(camera, 1)[:1]
    spent = []
    for _ in range(60):
        began = time.thread_time_ns()
        session.run(["prob", "emb"], {"image": shown})
        spent.append(time.thread_time_ns() - began)
    assert sorted(spent)[30] < 1_000_000


def test_what_is_no_model_is_refused(small_model: bytes) -> None:
    with pytest.raises(ModelError, match="4 bytes: onnxruntime refuses it"):
        open_session(b"junk")
    nameless = onnx.load_from_string(small_model)
    del nameless.metadata_props[:]
    with pytest.raises(ModelError, match="'classes' is missing"):
        Model(nameless.SerializeToString())
