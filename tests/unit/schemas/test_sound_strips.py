"""Sound strips: windows to one WAV and back, what is refused, and when two sounds are near."""

import io
import wave

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from schemas.film_strips import MAX_FRAMES, StripError
from schemas.fingerprints import near_pairs, stacked
from schemas.sound_prints import sound_print
from schemas.sound_strips import RATE_HZ, STEP, WINDOW, from_wav, to_wav, windows


def heard(count: int, seed: int = 1) -> NDArray[np.int16]:
    """Windows of something that changes its pitch, and no two seconds are alike."""
    length = WINDOW + (count - 1) * STEP
    generator = np.random.default_rng(seed)
    turns = np.arange(0, length + 800, 800)
    pitch = np.interp(np.arange(length), turns, generator.uniform(200, 3_000, len(turns)))
    tone = 3_000 * np.sin(2 * np.pi * np.cumsum(pitch) / RATE_HZ)
    return windows((tone + generator.normal(0, 20, length)).astype(np.int16))


def wav(samples: int, *, channels: int = 1, width: int = 2, rate: int = RATE_HZ) -> bytes:
    body = io.BytesIO()
    with wave.open(body, "wb") as file:
        file.setparams((channels, width, rate, samples, "NONE", ""))
        file.writeframes(bytes(samples * channels * width))
    return body.getvalue()


@settings(max_examples=20, deadline=None)
@given(count=st.integers(1, MAX_FRAMES), seed=st.integers(0, 99))
def test_windows_come_back_as_they_were(count: int, seed: int) -> None:
    frames = heard(count, seed)
    assert frames.shape == (count, WINDOW)
    assert np.array_equal(from_wav(to_wav(frames)), frames)


def test_a_strip_is_the_sound_once_and_anybody_can_play_it() -> None:
    with wave.open(io.BytesIO(to_wav(heard(6)))) as file:
        assert file.getnframes() == WINDOW + 5 * STEP
        assert file.getnframes() / file.getframerate() == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (np.zeros((2, WINDOW), np.uint8), r"of uint8 \[2, 5120\]: must be int16 \[n, 5120\]"),
        (np.zeros((2, 100), np.int16), r"of int16 \[2, 100\]"),
        (np.zeros((0, WINDOW), np.int16), "of 0 windows: must be 1 to 64"),
        (np.zeros((65, WINDOW), np.int16), "of 65 windows"),
        (heard(6)[::2], "not cut 256 samples apart"),
    ],
)
def test_what_is_no_row_of_windows_is_not_stored(frames: NDArray[np.generic], message: str) -> None:
    with pytest.raises(StripError, match=message):
        to_wav(frames)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "0 bytes: not a WAV"),
        (b"RIFF....WAVE", "not a WAV"),
        (wav(WINDOW, channels=2), r"channels, bytes and rate \(2, 2, 8000\): must be \(1, 2, 8000"),
        (wav(WINDOW, width=1), r"\(1, 1, 8000\)"),
        (wav(WINDOW, rate=16_000), r"\(1, 2, 16000\)"),
        (wav(WINDOW - STEP), "of 4864 samples"),
        (wav(WINDOW + 1), "of 5121 samples"),
        (wav(WINDOW + MAX_FRAMES * STEP), "must be .* and 5120 to 21248 samples in steps of 256"),
        (to_wav(heard(3))[:-400], "cut off, 5632 samples announced"),
    ],
)
def test_what_is_no_sound_strip_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(StripError, match=message):
        from_wav(body)


def test_a_quieter_noisy_copy_is_near_and_another_sound_is_not() -> None:
    generator = np.random.default_rng(3)
    sounds = [heard(1, seed)[0] for seed in range(40)]
    copies = [(0.6 * one + generator.normal(0, 10, WINDOW)).astype(np.int16) for one in sounds]
    prints = [sound_print(one) for one in sounds]
    assert {len(one) for one in prints} == {64}
    found = set(
        near_pairs(stacked([pa.array(prints)]), stacked([pa.array(map(sound_print, copies))]))
    )
    assert {(n, n) for n in range(40)} == found


def test_silence_is_near_to_nothing() -> None:
    silence = stacked([pa.array([sound_print(np.zeros(WINDOW, np.int16))])])
    assert list(near_pairs(silence, silence)) == []


def test_a_print_is_of_one_window() -> None:
    with pytest.raises(ValueError, match=r"sound int16 \[10\]: must be int16 \[5120\]"):
        sound_print(np.zeros(10, np.int16))
