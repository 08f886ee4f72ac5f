"""From a spoken word to the windows a device answers: a room around it, and when it was over."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from producers.speech.activity import Activity
from schemas.media import Frames
from schemas.sound_strips import STEP, WINDOW, windows

_AFTER: Final = 12
"""Steps of silence that follow a word."""
_HANG: Final = 2
"""A word is over so many steps after its last sound."""


def hear(
    words: Sequence[NDArray[np.floating] | NDArray[np.int16]],
    noise: NDArray[np.float64],
    keys: NDArray[np.uint64],
    frames: int,
    activity: Activity,
) -> list[Frames]:
    """What a device answers of each word: the `frames` windows up to its end, a step apart.

    Where no step holds speech, the loudest one counts as its end.

    Args:
        words: Samples at RATE_HZ.
        noise: Root mean square of each word's room.
        keys: Seed the noise of each word's room.
        frames: Windows of a word.
        activity: Tells which steps hold speech.
    """
    if not words:
        return []
    sounds = _in_rooms(words, noise, keys, WINDOW + frames * STEP)
    speaks = activity(sounds)
    levels = np.abs(sounds.reshape(len(words), -1, STEP).astype(np.int32)).sum(axis=2)
    lasts = np.where(
        speaks.any(axis=1),
        speaks.shape[1] - 1 - speaks[:, ::-1].argmax(axis=1),
        levels.argmax(axis=1),
    )
    ends = np.minimum(lasts + 1 + _HANG, speaks.shape[1]) * STEP
    return [_windows(sound, int(end), frames) for sound, end in zip(sounds, ends, strict=True)]


def _windows(sound: NDArray[np.int16], end: int, frames: int) -> Frames:
    begin = max(0, end - WINDOW - (frames - 1) * STEP)
    stretch = sound[begin : begin + WINDOW + (frames - 1) * STEP]
    return windows(stretch).copy()


def _in_rooms(
    words: Sequence[NDArray[np.floating] | NDArray[np.int16]],
    noise: NDArray[np.float64],
    keys: NDArray[np.uint64],
    before: int,
) -> NDArray[np.int16]:
    """int16 [n, steps x STEP]: each word with silence before and after, under its room's noise."""
    longest = max(len(word) for word in words)
    steps = -(-(before + longest) // STEP) + _AFTER
    sounds = np.empty((len(words), steps * STEP))
    for row, word in enumerate(words):
        generator = np.random.default_rng(int(keys[row]))
        # A word begins anywhere in a step, never where a window was cut for it.
        start = before + int(generator.integers(0, STEP))
        sounds[row] = noise[row] * generator.standard_normal(steps * STEP)
        sounds[row, start : start + len(word)] += word
    return np.clip(np.rint(sounds), -32_768, 32_767).astype(np.int16)
