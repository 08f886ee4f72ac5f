"""Learning: right gradients, weights that count, and the same bytes from every process."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from producers.camera.rendered import RenderedCamera
from producers.device.engine import Engine
from producers.model import apart
from producers.model.adam import Adam
from producers.model.apart import TrainingError, fit_apart
from producers.model.head import Head, Recipe, _gradients, _initial, _smoothed, learn
from producers.model.runtime import Model

PLAIN = Recipe(hidden_dropout=0.0, input_dropout=0.0)


def blobs(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Three overlapping clouds in ten dimensions."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, count)
    centres = np.random.default_rng(0).standard_normal((3, 10)) * 2
    return (centres[labels] + rng.standard_normal((count, 10))).astype(np.float32), labels


def loss(head: Head, x: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> float:
    wide = [part.astype(np.float64) for part in head.parts]
    logits = np.maximum(x @ wide[0] + wide[1], 0) @ wide[2] + wide[3]
    logits -= logits.max(1, keepdims=True)
    logs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    return float(-(targets * logs).sum(1) @ weights / len(x))


def test_the_gradient_is_the_slope_of_the_loss() -> None:
    rng = np.random.default_rng(3)
    x, labels = blobs(12, 1)
    head, targets = _initial(10, 3, rng), _smoothed(labels, 3, 0.05)
    weights = rng.uniform(0.5, 2, 12).astype(np.float32)
    found = _gradients(head, x, targets, weights, PLAIN, rng)
    for part, slope in zip(head.parts, found.parts, strict=True):
        for place in list(np.ndindex(part.shape))[:: max(1, part.size // 7)]:
            kept = part[place]
            part[place] = kept + np.float32(1e-2)
            above = loss(head, x, targets, weights)
            part[place] = kept - np.float32(1e-2)
            below = loss(head, x, targets, weights)
            part[place] = kept
            assert slope[place] == pytest.approx((above - below) / 2e-2, abs=2e-3)


def test_adam_finds_the_bottom_of_a_bowl() -> None:
    value = np.array([3.0, -2.0], np.float32)
    optimiser = Adam([value], rate=0.1, decay=0.5, steps=200)
    for _ in range(200):
        optimiser.step([2 * (value - np.array([1.0, 1.0], np.float32))])
    assert value == pytest.approx([1, 1], abs=1e-2)  # a vector does not decay


def test_learning_beats_chance_by_far_on_rows_it_never_saw() -> None:
    x, labels = blobs(600, 1)
    head = learn(x, labels, np.ones(600, np.float32), 3, 1, Recipe())
    fresh, truth = blobs(600, 2)
    guess = np.maximum(fresh @ head.w1 + head.b1, 0) @ head.w2 + head.b2
    assert (guess.argmax(1) == truth).mean() > 0.9


def test_a_weight_counts_like_that_many_rows() -> None:
    """Contradicting labels on the same rows: the heavier side wins."""
    x, _ = blobs(200, 1)
    labels = np.arange(200) % 2
    weights = np.where(labels == 1, 1.8, 0.2).astype(np.float32)
    head = learn(x.copy(), labels, weights, 2, 1, Recipe())
    guess = np.maximum(x @ head.w1 + head.b1, 0) @ head.w2 + head.b2
    assert (guess.argmax(1) == 1).mean() > 0.95


@pytest.mark.parametrize(
    ("rows", "label", "message"), [(0, 0, "examples: 0"), (4, 7, r"label 7: must be in \[0, 3\)")]
)
def test_what_cannot_be_learnt_is_refused(rows: int, label: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        learn(
            np.zeros((rows, 10), np.float32),
            np.full(rows, label, np.int64),
            np.ones(rows, np.float32),
            3,
            1,
            Recipe(),
        )


@pytest.fixture(scope="module")
def task(camera: RenderedCamera) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    drive = camera.seed(30)
    labels = np.array([one.label for one in drive], np.int64).repeat(6)
    pictures = np.concatenate([one.frames for one in drive])
    return pictures, labels, np.ones(len(labels), np.float32)


def test_two_processes_give_the_same_bytes_whatever_the_threads(
    task: tuple[np.ndarray, np.ndarray, np.ndarray],
    camera: RenderedCamera,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    digests = set()
    for threads, noise in (("1", "0"), ("2", "77")):
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", threads)
        monkeypatch.setenv("PYTHONHASHSEED", noise)
        model = fit_apart(*task, camera.classes, "dataset-1", 1)
        digests.add(hashlib.sha256(model).hexdigest())
        assert Model(model).classes == camera.classes
    assert len(digests) == 1
    other = fit_apart(*task, camera.classes, "dataset-1", 2)
    assert hashlib.sha256(other).hexdigest() not in digests


def test_a_model_with_enough_validation_carries_prototypes(
    task: tuple[np.ndarray, np.ndarray, np.ndarray], camera: RenderedCamera
) -> None:
    frames = np.concatenate([one.frames for one in camera.seed(49)[30:]])
    groups = np.arange(30, dtype=np.int64).repeat(6)
    proving = apart.Proving(groups, frames, np.arange(19, dtype=np.int64).repeat(6))
    model = fit_apart(*task, camera.classes, "dataset-1", 1, proving)
    assert Engine(model, hashlib.sha256(model).hexdigest()).prototypes is not None


def test_a_failed_training_is_told_with_its_last_words(
    task: tuple[np.ndarray, np.ndarray, np.ndarray], camera: RenderedCamera
) -> None:
    pictures, labels, weights = task
    with pytest.raises(TrainingError, match=r"180 frames: exit status 1: .*label 99"):
        fit_apart(pictures, labels + 99 - labels.max(), weights, camera.classes, "d", 1)


def test_an_endless_training_is_ended(
    task: tuple[np.ndarray, np.ndarray, np.ndarray],
    camera: RenderedCamera,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(apart, "TIMEOUT_S", 0.05)
    with pytest.raises(TrainingError, match=r"not done after 0\.05 s"):
        fit_apart(*task, camera.classes, "d", 1)


def test_the_trainer_that_waits_has_not_loaded_onnx() -> None:
    """The trainer waits most of its life: what only training needs stays out of its memory."""
    code = "import sys, producers.trainer; print('onnx' in sys.modules)"
    path = os.pathsep.join(filter(None, sys.path))
    said = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == "False"
