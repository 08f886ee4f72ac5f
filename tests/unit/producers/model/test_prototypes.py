"""Prototypes: what a model was trained on, so that a device knows what is new to it."""

import hashlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.camera.camera import Encounter
from producers.camera.rendered import UNSEEN_IN_TEST_DRIVE, RenderedCamera
from producers.device.engine import Engine, EngineError
from producers.model.graph import sealed
from producers.model.proving import by_encounter, prototypes, with_prototypes
from producers.model.runtime import Model
from producers.prototypes import METADATA, Prototypes, PrototypesError, from_text


def side(encounters: list[Encounter]) -> tuple[Any, Any, Any]:
    """Frames, their labels and their groups."""
    frames = np.concatenate([one.frames for one in encounters])
    count = len(encounters[0].frames)
    labels = np.array([one.label for one in encounters], np.int64).repeat(count)
    return frames, labels, np.arange(len(encounters), dtype=np.int64).repeat(count)


@pytest.fixture(scope="module")
def proved(small_model: bytes, camera: RenderedCamera) -> bytes:
    """The small model with prototypes of eighty encounters, forty of them for the distance."""
    drive = camera.seed(120)
    frames, _, groups = side(drive[80:])
    return with_prototypes(small_model, *side(drive[:80]), frames, groups)


def loaded(model: bytes) -> Engine:
    return Engine(model, hashlib.sha256(model).hexdigest())


def test_they_travel_in_the_model_file_and_change_no_answer(
    proved: bytes, small_model: bytes, camera: RenderedCamera
) -> None:
    assert loaded(small_model).prototypes is None
    known = loaded(proved).prototypes
    assert known is not None
    assert known.vectors.shape[1] == 128
    assert 0 < known.distance < 1
    frames, *_ = side(camera.seed(4))
    before, after = Model(small_model).run(frames), Model(proved).run(frames)
    assert np.array_equal(before.prob, after.prob)


def test_the_same_sides_give_the_same_bytes(
    proved: bytes, small_model: bytes, camera: RenderedCamera
) -> None:
    drive = camera.seed(120)
    frames, _, groups = side(drive[80:])
    assert with_prototypes(small_model, *side(drive[:80]), frames, groups) == proved


def test_signs_it_never_saw_are_newer_than_the_others(
    proved: bytes, camera: RenderedCamera
) -> None:
    known = loaded(proved).prototypes
    assert known is not None
    held = camera.held_back(3, 300)
    found = by_encounter(Model(proved).run(held.frames).emb, held.groups)
    novelty = np.array([known.novelty(one) for one in found])
    labels = held.labels[np.unique(held.groups, return_index=True)[1]]
    unseen = np.isin(labels, [camera.classes.index(name) for name in UNSEEN_IN_TEST_DRIVE])
    assert unseen.sum() >= 15
    assert np.median(novelty[unseen]) > np.quantile(novelty[~unseen], 0.6)


def test_the_distance_is_that_one_in_twenty_of_validation_is_beyond() -> None:
    rng = np.random.default_rng(5)
    drawn = rng.normal(size=(240, 8)).astype(np.float32)
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    found = prototypes(drawn[:40], np.arange(40, dtype=np.int64) % 4, drawn[40:])
    assert found is not None
    assert len(found.vectors) == 8
    assert sum(found.novelty(one) > 1 for one in drawn[40:]) == 9  # 200 - ceil(201 x 0.95)
    assert prototypes(drawn[:40], np.zeros(40, np.int64), drawn[40:58]) is None  # 18 know no 5 %


@given(st.integers(1, 6), st.integers(1, 16), st.floats(0.001, 2.0), st.integers(0, 2**32 - 1))
def test_text_and_back(count: int, size: int, distance: float, seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(count, size)).astype(np.float16)
    made = Prototypes(vectors.astype(np.float32), distance)
    found = from_text(made.to_text())
    assert np.array_equal(found.vectors, made.vectors)
    assert found.distance == distance


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"distance": 0, "size": 2, "vectors": "AAAAAA=="}',
        '{"distance": 1, "size": 3, "vectors": "AAAAAA=="}',
        '{"distance": 1, "size": 2, "vectors": ""}',
        '{"distance": 1, "size": 2, "vectors": "AHwAfA=="}',
        '{"distance": NaN, "size": 2, "vectors": "AAAAAA=="}',
    ],
)
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(PrototypesError, match="prototypes: "):
        from_text(text)


def test_a_model_with_broken_prototypes_does_not_load(small_model: bytes) -> None:
    onnx = pytest.importorskip("onnx")
    body = onnx.load_from_string(small_model)
    metadata = {entry.key: entry.value for entry in body.metadata_props}
    broken = sealed(body, metadata | {METADATA: "{}"})
    with pytest.raises(EngineError, match="prototypes: "):
        loaded(broken)
