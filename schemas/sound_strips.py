"""Sound strips: what was heard in one encounter as one WAV, and back to the windows a model hears.

A device that listens answers once for each step of STEP samples (32 ms), over the newest WINDOW
samples. So the frames of an encounter are windows that lie a step apart, and together they are one
stretch of sound: a WAV that anybody can play.
"""

import io
import wave
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.film_strips import MAX_FRAMES, StripError

RATE_HZ: Final = 8_000
STEP: Final = 256
"""Samples of 32 ms."""
WINDOW: Final = 20 * STEP
"""Samples of 640 ms: of recorded digits nine in ten are shorter."""

Windows = NDArray[np.int16]
"""int16 [n, WINDOW], mono at RATE_HZ, each STEP samples after the one before."""

_FORM: Final = (1, 2, RATE_HZ)


def windows(sound: NDArray[np.int16]) -> Windows:
    """The windows of a stretch of sound, int16 [WINDOW + k STEP]."""
    return np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[::STEP]


def to_wav(frames: NDArray[np.generic]) -> bytes:
    """Encode windows int16 [n, WINDOW] as a WAV of WINDOW + (n - 1) STEP samples.

    Raises:
        StripError: Another shape or type, no window or more than MAX_FRAMES, or windows that are
            not a step apart.
    """
    if frames.ndim != 2 or frames.shape[1] != WINDOW or frames.dtype != np.int16:
        raise StripError(
            f"sound strip of {frames.dtype} {list(frames.shape)}: must be int16 [n, {WINDOW}]"
        )
    if not 1 <= len(frames) <= MAX_FRAMES:
        raise StripError(f"sound strip of {len(frames)} windows: must be 1 to {MAX_FRAMES}")
    heard = frames.astype(np.int16, copy=False)
    sound = np.concatenate([heard[0], heard[1:, -STEP:].ravel()])
    if not np.array_equal(windows(sound), heard):
        raise StripError(f"sound strip: its windows are not cut {STEP} samples apart")
    body = io.BytesIO()
    with wave.open(body, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(sound.astype("<i2").tobytes())
    return body.getvalue()


def from_wav(body: bytes) -> Windows:
    """Decode a sound strip to windows int16 [n, WINDOW].

    Raises:
        StripError: Not a WAV, another form, cut off, or not as long as its windows.
    """
    try:
        with wave.open(io.BytesIO(body), "rb") as file:
            form = (file.getnchannels(), file.getsampwidth(), file.getframerate())
            count = file.getnframes()
            if form != _FORM or not _fits(count):
                raise StripError(
                    f"sound strip of {count} samples, channels, bytes and rate {form}: must be "
                    f"{_FORM} and {WINDOW} to {WINDOW + (MAX_FRAMES - 1) * STEP} samples in steps "
                    f"of {STEP}"
                )
            said = file.readframes(count)
    except (wave.Error, EOFError) as error:
        raise StripError(f"sound strip of {len(body)} bytes: not a WAV: {error}") from error
    if len(said) != 2 * count:
        raise StripError(f"sound strip of {len(body)} bytes: cut off, {count} samples announced")
    return windows(np.frombuffer(said, "<i2").astype(np.int16))


def _fits(count: int) -> bool:
    steps, rest = divmod(count - WINDOW, STEP)
    return rest == 0 and 0 <= steps < MAX_FRAMES
