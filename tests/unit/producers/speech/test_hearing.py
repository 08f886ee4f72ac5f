"""From a word to windows: where it ends, what tells speech from silence."""

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from producers.camera.camera import CameraError
from producers.speech.activity import Activity, Silero, loud, open_activity
from producers.speech.hearing import hear
from producers.speech.phones import DIGITS
from producers.speech.synthesis import say
from producers.speech.voices import is_high, saying, speaker
from schemas.sound_strips import RATE_HZ, STEP, WINDOW, to_wav


def word(digit: int, name: str = "ann", number: int = 0) -> NDArray[np.float64]:
    return say(digit, saying(speaker(5, name), 5, name, number), number)


def stream(spoken: NDArray[np.float64], noise: float = 10.0) -> tuple[NDArray[np.int16], int, int]:
    """A second of room, the word, half a second of room; the word's first and last step."""
    before = 32 * STEP
    length = -(-(before + len(spoken)) // STEP) * STEP + 16 * STEP
    sound = np.random.default_rng(1).normal(0, noise, length)
    sound[before : before + len(spoken)] += spoken
    return sound.astype(np.int16)[None], before // STEP, (before + len(spoken)) // STEP


@pytest.mark.parametrize("digit", range(10), ids=DIGITS)
def test_speech_is_told_from_the_room_around_it(digit: int) -> None:
    sound, first, last = stream(word(digit))
    speaks = loud(sound)[0]
    assert not speaks[:first].any()
    assert not speaks[last + 1 :].any()
    assert speaks[first : last + 1].mean() > 0.4


def test_a_step_is_judged_by_what_came_before_it() -> None:
    sound, _, last = stream(word(3))
    whole = loud(sound)[0]
    assert np.array_equal(loud(sound[:, : (last - 2) * STEP])[0], whole[: last - 2])


def test_a_louder_room_hides_speech_that_is_no_louder() -> None:
    sound, _, _ = stream(word(3), noise=6_000.0)
    assert not loud(sound).any()


def test_windows_end_where_the_word_does_and_lie_a_step_apart() -> None:
    words = [word(digit, number=digit) for digit in range(10)]
    keys = np.arange(10, dtype=np.uint64)
    for said, frames in zip(words, hear(words, np.full(10, 10.0), keys, 6, loud), strict=True):
        assert frames.shape == (6, WINDOW)
        to_wav(frames)  # refuses windows that are not a step apart
        energy = (frames[-1].astype(np.float64) ** 2).reshape(-1, STEP).sum(axis=1)
        tail = np.flatnonzero(energy > 0.02 * energy.max())[-1]
        assert tail >= WINDOW // STEP - 8
        assert (frames[-1].astype(np.float64) ** 2).sum() > 0.7 * (said[-WINDOW:] ** 2).sum()


def test_what_no_judge_calls_speech_ends_at_its_loudest() -> None:
    def deaf(sounds: NDArray[np.int16]) -> NDArray[np.bool_]:
        return np.zeros((len(sounds), sounds.shape[1] // STEP), np.bool_)

    (frames,) = hear([word(2)], np.array([10.0]), np.zeros(1, np.uint64), 6, deaf)
    assert np.abs(frames[-1][-4 * STEP :].astype(int)).max() > 1_000


def test_no_words_no_windows() -> None:
    assert hear([], np.zeros(0), np.zeros(0, np.uint64), 6, loud) == []


def test_speakers_differ_and_each_keeps_her_voice() -> None:
    many = [speaker(5, f"s{n}") for n in range(200)]
    assert len({one.pitch_hz for one in many}) == 200
    assert 60 < sum(is_high(one) for one in many) < 140
    assert not any(is_high(speaker(5, f"s{n}", studio=True)) for n in range(50))
    assert speaker(5, "ann") == speaker(5, "ann")
    assert np.array_equal(word(4), word(4))
    assert not np.array_equal(word(4, number=1), word(4, number=2))


def test_a_high_voice_has_a_high_pitch() -> None:
    """Of a vowel, the spacing of the harmonics is the pitch: by the autocorrelation."""
    for name in ("s1", "s2", "s3", "s4"):
        said = saying(speaker(5, name), 5, name, 0)
        middle = say(2, said, 0)[700:1_400]
        alike = np.correlate(middle, middle, "full")[len(middle) - 1 :]
        shortest = RATE_HZ // 400
        period = shortest + int(alike[shortest : RATE_HZ // 60].argmax())
        found = RATE_HZ / period
        assert min(abs(found - n * said.pitch_hz) / said.pitch_hz for n in (0.5, 1.0)) < 0.15


def silero() -> Path:
    shared = Path(os.environ.get("FLEETLOOP_SHARED", Path(__file__).parents[5] / "shared"))
    path = shared / "data" / "onnx_models" / "silero_vad_16k_op15.onnx"
    if not path.exists():
        pytest.skip(f"needs Silero's network in {path} (FLEETLOOP_SHARED)")
    return path


def test_silero_hears_real_speech_and_no_noise() -> None:
    judge: Activity = open_activity(silero())
    room = np.random.default_rng(1).normal(0, 30, (1, 40 * STEP)).astype(np.int16)
    assert not judge(room).any()
    sounds = np.concatenate([stream(word(digit))[0][:, : 56 * STEP] for digit in (0, 3, 7)])
    speaks = judge(sounds)
    assert speaks.shape == (3, 56)
    assert speaks.any(axis=1).all()
    assert not speaks[:, :20].any()
    assert np.array_equal(judge(sounds[1:2])[0], speaks[1])


def test_what_is_not_silero_is_named(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match=r"nowhere\.onnx: No such file"):
        Silero(tmp_path / "nowhere.onnx")
    (tmp_path / "junk.onnx").write_bytes(b"junk")
    with pytest.raises(CameraError, match=r"junk\.onnx: onnxruntime refuses it"):
        Silero(tmp_path / "junk.onnx")
