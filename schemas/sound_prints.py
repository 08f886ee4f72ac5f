"""How alike two sounds are, whatever model hears them: the fingerprint of a window of sound.

It is made like a picture's: 8 times by 8 bands, whole numbers, the same everywhere. A band is one
of eight groups of Walsh functions by their number of sign changes, which order sound from low to
high as frequencies do and need sums and differences alone (Harmuth 1972, sequency). How loud a
time is does not count, only how its bands differ: else all words after a silence would be alike.
Of recorded digits all quieter, noisy copies are near, and 0.1 % of the pairs of different ones.
"""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.fingerprints import CELLS
from schemas.sound_strips import WINDOW

_BLOCK: Final = 64
"""Samples of 8 ms."""
_STEPS: Final = 4
"""Of a fingerprint's numbers in a doubling of energy."""
_MIDDLE: Final = 128


def sound_print(window: NDArray[np.generic]) -> bytes:
    """64 bytes for a window int16 [WINDOW].

    Raises:
        ValueError: Another shape or type.
    """
    if window.shape != (WINDOW,) or window.dtype != np.int16:
        raise ValueError(f"sound {window.dtype} {list(window.shape)}: must be int16 [{WINDOW}]")
    blocks = window.astype(np.int64).reshape(-1, _BLOCK)
    energy = (blocks @ _walsh()) ** 2
    cells = energy.reshape(CELLS, len(blocks) // CELLS, CELLS, _BLOCK // CELLS).sum(axis=(1, 3))
    level = np.floor(_STEPS * np.log2(1.0 + cells.astype(np.float64)))
    level += _MIDDLE - np.floor(level.mean(axis=1, keepdims=True))
    bounded: NDArray[np.uint8] = np.clip(level, 0, 255).astype(np.uint8)
    return bounded.tobytes()


@cache
def _walsh() -> NDArray[np.int64]:
    """Walsh functions as columns [_BLOCK, _BLOCK], by their number of sign changes."""
    rows = np.ones((1, 1), np.int64)
    while len(rows) < _BLOCK:  # Sylvester's doubling
        rows = np.block([[rows, rows], [rows, -rows]])
    changes = (np.diff(rows, axis=1) != 0).sum(axis=1)
    ordered: NDArray[np.int64] = rows[np.argsort(changes)].T
    return ordered
