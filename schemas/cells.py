"""Where embeddings lie: cells around centroids, and which cells a near one can be in."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_LLOYD_STEPS: Final = 4
_SAMPLE: Final = 16  # points that place one centroid
_SLACK: Final = 1e-3
"""Bounds are float32, good to 1e-6; a cell is looked into a little too early, never too late."""


@dataclass(frozen=True, slots=True)
class Cells:
    """Voronoi cells of m centroids on the unit sphere.

    Attributes:
        centroids: float32 [m, d].
        squares: float32 [m], their squared lengths.
        apart: float32 [m, m], distances between them.
    """

    centroids: NDArray[np.float32]
    squares: NDArray[np.float32]
    apart: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.centroids)

    def owners(self, units: NDArray[np.float32]) -> NDArray[np.uint16]:
        """uint16 [n]: the cell of each unit vector."""
        owners: NDArray[np.uint16] = self._gaps(units).argmin(axis=1).astype(np.uint16)
        return owners

    def reached(self, units: NDArray[np.float32], radius: float) -> NDArray[np.bool_]:
        """Bool [m, n]: cells that can hold a vector within `radius` of each unit vector.

        The plane midway between the centroids i, nearest to q, and j is (|q-cj|^2 - |q-ci|^2) /
        (2 |ci-cj|) away from q; nothing of cell j is nearer.
        """
        gaps = self._gaps(units)
        own = gaps.argmin(axis=1)
        gaps -= gaps[np.arange(len(own)), own][:, None]
        within: NDArray[np.bool_] = gaps <= self.apart[own] * (2.0 * radius + _SLACK) + _SLACK
        return np.ascontiguousarray(within.T)

    def _gaps(self, units: NDArray[np.float32]) -> NDArray[np.float32]:
        """Squared distances [n, m] less one, which is the same for all centroids."""
        gaps = units @ self.centroids.T
        gaps *= -2.0
        gaps += self.squares
        return gaps


def cells(centroids: NDArray[np.float32]) -> Cells:
    """Cells around centroids float32 [m, d]."""
    squares = np.einsum("md,md->m", centroids, centroids)
    square = squares[:, None] + squares[None, :] - 2.0 * (centroids @ centroids.T)
    return Cells(centroids, squares, np.sqrt(np.maximum(square, 0.0)))


def placed(units: NDArray[np.float32], count: int) -> Cells:
    """`count` cells for unit vectors float32 [n, d]: a few steps of k-means on an even sample."""
    sample = units[:: max(1, len(units) // (count * _SAMPLE))]
    centroids = sample[:: max(1, len(sample) // count)][:count].copy()
    for _ in range(_LLOYD_STEPS):
        owners = cells(centroids).owners(sample)
        order = np.argsort(owners, kind="stable")
        filled, starts = np.unique(owners[order], return_index=True)
        sums = np.add.reduceat(sample[order], starts, axis=0)
        centroids[filled] = sums / np.diff([*starts, len(order)])[:, None]
    return cells(centroids)
