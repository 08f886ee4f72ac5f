"""A model that hears: its features, its file, and what an engine makes of it."""

from hashlib import sha256

import numpy as np
import pytest
from numpy.typing import NDArray

from producers.camera.camera import Encounter
from producers.device.engine import Engine, EngineError
from producers.model.fronts import features
from producers.model.log_mel import BANDS, PARTS, WIDTH
from producers.model.runtime import Model, ModelError, open_session
from producers.model.training import fit
from producers.speech.phones import DIGITS
from producers.speech.synthesised import SynthesisedSpeech
from schemas.media import SOUND, Frames


@pytest.fixture(scope="module")
def drive() -> list[Encounter]:
    return SynthesisedSpeech(11).seed(80)


@pytest.fixture(scope="module")
def model(drive: list[Encounter]) -> bytes:
    labels = np.array([one.label for one in drive], np.int64).repeat(6)
    weights = np.ones(len(labels), np.float32)
    return fit(heard(drive), labels, weights, DIGITS, "dataset-1", seed=1)


def heard(drive: list[Encounter]) -> Frames:
    return np.concatenate([one.frames for one in drive])


def cosine(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    found: NDArray[np.float32] = (left * right).sum(axis=1) / lengths
    return found


def test_a_window_alone_answers_as_in_a_batch(model: bytes, drive: list[Encounter]) -> None:
    shown = heard(drive)[:70]
    together = Model(model).run(shown)
    alone = np.concatenate([Model(model).run(shown[n : n + 1]).prob for n in range(0, 70, 7)])
    assert alone == pytest.approx(together.prob[::7], abs=1e-5)


def test_features_hear_neither_loudness_nor_where_in_the_window_a_word_lies() -> None:
    camera = SynthesisedSpeech(11)
    words = np.stack([one.frames[-1] for one in camera.seed(40)])
    found = features(words)
    assert found.shape == (40, WIDTH)
    assert np.isfinite(found).all()
    kept = slice(0, BANDS * PARTS)
    quiet = features((words * 0.5).astype(np.int16))
    moved = features(np.roll(words, -300, axis=1))
    other = features(np.roll(words, 1, axis=0))
    assert np.median(cosine(found[:, kept], quiet[:, kept])) > 0.97
    assert np.median(cosine(found[:, kept], moved[:, kept])) > 0.95
    assert np.median(cosine(found[:, kept], other[:, kept])) < 0.7


def test_silence_gives_numbers() -> None:
    assert np.isfinite(features(np.zeros((1, *SOUND.shape), np.int16))).all()


def test_an_engine_hears_and_refuses_to_look(model: bytes, drive: list[Encounter]) -> None:
    engine = Engine(model, sha256(model).hexdigest())
    assert engine.medium is SOUND
    assert engine.classes == DIGITS
    answers = engine.answer(list(drive[0].frames))
    assert len(answers.top1) == 6
    assert np.linalg.norm(answers.emb, axis=1) == pytest.approx(1.0, abs=1e-5)
    with pytest.raises(EngineError, match=r"sound of uint8 \[32, 32, 3\]: must be int16 \[5120\]"):
        engine.answer([np.zeros((32, 32, 3), np.uint8)])
    with pytest.raises(ModelError, match="takes 'sound', not 'image'"):
        Model(model).run(np.zeros((1, 32, 32, 3), np.uint8))


def test_a_word_costs_a_robot_far_less_than_its_deadline(model: bytes) -> None:
    """About 0.15 ms of CPU time here, 12 times that on a robot; it has 30 ms."""
    session = open_session(model)
    assert [one.name for one in session.get_inputs()] == ["sound"]
    answers = Engine(model, sha256(model).hexdigest()).answer(
        [np.zeros(SOUND.shape, np.int16)] * 30
    )
    assert np.median(answers.cpu_ns) < 1.5e6
