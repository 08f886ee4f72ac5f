"""How alike two pictures are, whatever model looks at them: for leakage across a split.

A fingerprint is the picture's grey at 8 x 8: means of blocks, whole numbers, the same everywhere.
Two pictures are near when their fingerprints correlate by at least NEAR: of real approach tracks,
99 % of brightened and noisy copies do, and 1 % of different signs of a class.
"""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.cells import placed

CELLS: Final = 8
NEAR: Final = 0.98
_LUMA: Final = np.array([299, 587, 114], np.int64)  # thousandths, ITU-R BT.601
_BLOCK: Final = 4_096
_MOST_CELLS: Final = 2_048
_ROUNDING: Final = 1e-4
_SAMPLE: Final = 20_000
_LEADING: Final = 16
_HELD_ORDER: Final = [*range(_LEADING), _LEADING + 1, _LEADING]


def fingerprint(picture: NDArray[np.generic]) -> bytes:
    """64 bytes for a picture uint8 [h, w, 3] with h and w divisible by 8.

    Raises:
        ValueError: Another shape or type.
    """
    height, width = picture.shape[:2]
    if picture.ndim != 3 or picture.shape[2] != len(_LUMA) or picture.dtype != np.uint8:
        raise ValueError(f"picture {picture.dtype} {list(picture.shape)}: must be uint8 [h, w, 3]")
    if height % CELLS or width % CELLS or not picture.size:
        raise ValueError(f"picture of {height} x {width}: sides must be divisible by {CELLS}")
    grey = picture.astype(np.int64) @ _LUMA
    blocks = grey.reshape(CELLS, height // CELLS, CELLS, width // CELLS).sum(axis=(1, 3))
    per_block = 1_000 * (height // CELLS) * (width // CELLS)
    means: NDArray[np.uint8] = (blocks // per_block).astype(np.uint8)
    return means.tobytes()


def stacked(fingerprints: Iterable[pa.BinaryArray]) -> NDArray[np.uint8]:
    """Fingerprints uint8 [n, 64] of columns of them.

    Raises:
        ArrowInvalid: One has another length.
    """
    size = CELLS * CELLS
    parts = [one.cast(pa.binary(size)) for one in fingerprints]
    raw = [
        np.frombuffer(one.buffers()[1], np.uint8, len(one) * size, one.offset * size)
        for one in parts
        if len(one)
    ]
    return np.concatenate([np.empty(0, np.uint8), *raw]).reshape(-1, size)


def near_pairs(
    left: NDArray[np.uint8], right: NDArray[np.uint8], least: float = NEAR
) -> Iterator[tuple[int, int]]:
    """Positions (i, j) of all near pairs of left and right fingerprints, uint8 [n, 64].

    Exact. The smaller side lies in cells, of which each of the other looks into those that can
    hold a near one: far fewer are compared than all. What looks near in float32 is judged in whole
    numbers, so that no pair is near in one search and not in the next.
    """
    if len(left) < len(right):
        yield from ((i, j) for j, i in near_pairs(right, left, least))
        return
    if not len(right):
        return
    theirs = _whole(right)
    held = _Held(_units(theirs))

    def near_of(begin: int) -> Iterator[tuple[int, int]]:
        block = _whole(left[begin : begin + _BLOCK])
        i, j = held.likely(_units(block), least - _ROUNDING)
        near = _alike(block[i], theirs[j], least)
        return zip((begin + i[near]).tolist(), j[near].tolist(), strict=True)

    # numpy lets go of the interpreter while it computes: a thread for each core, each with its own
    # products: `infra.lean.alone` keeps BLAS from dividing them once more.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(near_of, range(0, len(left), _BLOCK)):
            yield from found


class _Held:
    """Unit vectors float32 [n, 64], by cell."""

    def __init__(self, units: NDArray[np.float32]) -> None:
        self._cells = placed(units, min(_MOST_CELLS, 1 + int(2 * np.sqrt(len(units)))))
        owners = np.concatenate(
            [self._cells.owners(units[at : at + _BLOCK]) for at in range(0, len(units), _BLOCK)]
        )
        self._order = np.argsort(owners, kind="stable")
        self._starts = np.searchsorted(owners[self._order], np.arange(len(self._cells) + 1))
        self._basis = _leading(units[:: max(1, len(units) // _SAMPLE)])
        self._sorted = _with_square(units[self._order] @ self._basis)[:, _HELD_ORDER]

    def likely(
        self, asked: NDArray[np.float32], least: float
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Positions (asked, held) of all pairs that may correlate by `least`, and of some more.

        Within a cell, distances along the leading directions alone are compared: no pair is
        farther apart there than it is. |a - b|^2 <= d^2 is (a, -|a|^2/2, 1) (b, 1, -|b|^2/2) >=
        -d^2/2.
        """
        square = 2.0 * (1.0 - least)
        reached = self._cells.reached(asked, float(np.sqrt(square)))
        leading = _with_square(asked @ self._basis)
        pairs = [np.empty((2, 0), np.int64)]
        for cell in np.flatnonzero(reached.any(axis=1)):
            rows = np.flatnonzero(reached[cell])
            span = slice(self._starts[cell], self._starts[cell + 1])
            close = leading[rows] @ self._sorted[span].T >= -square / 2.0
            flat = np.flatnonzero(close)  # several times as fast as nonzero of a matrix
            if flat.size:
                i, j = np.divmod(flat, close.shape[1])
                pairs.append(np.stack([rows[i], self._order[span][j]]))
        found = np.concatenate(pairs, axis=1)
        return found[0], found[1]


def _whole(raw: NDArray[np.uint8]) -> NDArray[np.int16]:
    """Differences from the mean times 64, int16 [n, 64]; of a flat picture zeros: near to none."""
    cells = raw.shape[1]
    sums = raw.sum(axis=1, dtype=np.int16)  # at most 64 x 255
    whole: NDArray[np.int16] = raw.astype(np.int16) * np.int16(cells) - sums[:, None]
    is_flat = np.square(whole, dtype=np.float64).sum(axis=1) <= cells**2
    whole[is_flat] = 0
    return whole


def _units(whole: NDArray[np.int16]) -> NDArray[np.float32]:
    """Float32 [n, 64] of length 1; zeros stay zeros."""
    units = whole.astype(np.float32)
    units /= np.maximum(np.linalg.norm(units, axis=1, keepdims=True), 1.0)
    return units


def _leading(units: NDArray[np.float32]) -> NDArray[np.float32]:
    """Float32 [64, 16]: the directions in which unit vectors vary most."""
    found: NDArray[np.float32] = np.linalg.eigh(units.T @ units)[1][:, -_LEADING:]
    return found


def _with_square(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Float32 [n, 18]: vectors, minus half their squared length, and one."""
    half = -0.5 * np.square(vectors).sum(axis=1, keepdims=True)
    return np.concatenate([vectors, half, np.ones_like(half)], axis=1)


def _alike(left: NDArray[np.int16], right: NDArray[np.int16], least: float) -> NDArray[np.bool_]:
    """Bool [n]: whether each pair correlates by `least`; the same in any batch."""
    ours, theirs = left.astype(np.int64), right.astype(np.int64)
    products = (ours * theirs).sum(axis=1)
    lengths = np.sqrt((ours**2).sum(axis=1)) * np.sqrt((theirs**2).sum(axis=1))
    near: NDArray[np.bool_] = (products > 0) & (products >= least * lengths)
    return near
