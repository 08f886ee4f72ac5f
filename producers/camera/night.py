"""Night: how dark it is, shared by both cameras and by whatever tells night from day."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.film_strips import Pictures

NIGHT_MEAN: Final = (5.0, 8.0)
"""Mean brightness of a night picture, of 255: low and high end."""
DARK_BELOW: Final = 10.0
"""A picture with a lower mean is dark: every night picture is, a day picture hardly ever."""
_GAMMA: Final = 1.15


def mean_brightness(pictures: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean over pixels and channels, float32 [n], of pictures [n, 32, 32, 3]."""
    found: NDArray[np.float32] = pictures.mean((1, 2, 3), dtype=np.float32)
    return found


def darkened(pictures: NDArray[np.float32], mean: NDArray[np.float64]) -> NDArray[np.float32]:
    """Expose pictures [n, 32, 32, 3] for `mean` [n]: shadows sink first, none gets brighter."""
    deep = np.clip(pictures, 0, 255) / np.float32(255)
    np.power(deep, np.float32(_GAMMA), out=deep)
    deep *= np.float32(255)
    scale = np.minimum(1, mean / np.maximum(mean_brightness(deep), 1e-6)).astype(np.float32)
    deep *= scale[:, None, None, None]
    return deep


def at_night(pictures: Pictures, share: NDArray[np.float64]) -> Pictures:
    """Recorded day pictures as the same camera would see them by night.

    `share` [n] in [0, 1] says where between the ends of NIGHT_MEAN each picture lies.
    """
    low, high = NIGHT_MEAN
    night = darkened(pictures.astype(np.float32), low + (high - low) * share)
    return (night + np.float32(0.5)).astype(np.uint8)
