"""How alike two pictures are, whatever model looks at them: for leakage across a split.

A fingerprint is the picture's grey at 8 x 8: means of blocks, whole numbers, the same everywhere.
Two pictures are near when their fingerprints correlate by at least NEAR: of real approach tracks,
99 % of brightened and noisy copies do, and 1 % of different signs of a class.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

CELLS: Final = 8
NEAR: Final = 0.98
_LUMA: Final = np.array([299, 587, 114], np.int64)  # thousandths, ITU-R BT.601
_BLOCK: Final = 2_048
_FLAT: Final = 1e-6


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


def near_pairs(
    left: Sequence[bytes], right: Sequence[bytes], least: float = NEAR
) -> Iterator[tuple[int, int]]:
    """Positions (i, j) of every pair of a left and a right fingerprint that are near.

    Exact. Both sides are ordered along the direction in which they vary most; only pairs within
    the distance that nearness allows there are compared, so far fewer than all of them.
    """
    if not left or not right:
        return
    ours, theirs = _vectors(left), _vectors(right)
    along = _direction(theirs)
    reach = float(np.sqrt(2.0 * (1.0 - least))) + _FLAT
    place, order = ours @ along, np.argsort(theirs @ along, kind="stable")
    sorted_theirs = theirs[order]
    sorted_place = sorted_theirs @ along
    mine = np.argsort(place, kind="stable")
    for begin in range(0, len(mine), _BLOCK):
        rows = mine[begin : begin + _BLOCK]
        first = int(np.searchsorted(sorted_place, place[rows[0]] - reach))
        last = int(np.searchsorted(sorted_place, place[rows[-1]] + reach, side="right"))
        for start in range(first, last, _BLOCK):
            found = ours[rows] @ sorted_theirs[start : min(start + _BLOCK, last)].T >= least
            for i, j in zip(*np.nonzero(found), strict=True):
                yield int(rows[i]), int(order[start + j])


def _vectors(fingerprints: Sequence[bytes]) -> NDArray[np.float32]:
    """Unit vectors float32 [n, 64]; of a flat picture, which is near to nothing, zeros."""
    raw = np.frombuffer(b"".join(fingerprints), np.uint8).reshape(len(fingerprints), -1)
    centred = raw.astype(np.float32)
    centred -= centred.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    unit: NDArray[np.float32] = np.where(length > 1.0, centred / np.maximum(length, 1.0), 0.0)
    return unit.astype(np.float32)


def _direction(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The first principal direction, by the eigenvectors of the 64 x 64 covariance."""
    spread = np.cov(vectors, rowvar=False) if len(vectors) > 1 else np.eye(vectors.shape[1])
    found: NDArray[np.float32] = np.linalg.eigh(spread)[1][:, -1].astype(np.float32)
    return found
