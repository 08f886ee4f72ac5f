"""The one bootstrap of accuracies: encounters are drawn again, with all their pictures."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

_SEED: Final = 2026
_AT_ONCE: Final = 2_000_000
"""Drawn encounters that are in memory together, at 24 bytes each."""

INTERVAL: Final = (2.5, 97.5)
"""Percentiles of a 95 % interval."""


def resampled(
    sums: NDArray[np.float64], sizes: NDArray[np.int64], resamples: int
) -> NDArray[np.float64]:
    """Means of draws of as many groups with replacement, float64 [resamples] (Efron 1979).

    The same arguments give the same draws.

    Args:
        sums: Of each group, float64 [groups].
        sizes: Members of each group, int64 [groups].
        resamples: How many draws.
    """
    rng = np.random.default_rng(_SEED)
    means = np.empty(resamples)
    rows = max(1, _AT_ONCE // len(sums))
    for first in range(0, resamples, rows):
        count = min(rows, resamples - first)
        drawn = rng.integers(0, len(sums), (count, len(sums)))
        means[first : first + count] = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    return means


def interval(
    sums: NDArray[np.float64], sizes: NDArray[np.int64], resamples: int
) -> tuple[float, float]:
    """Ends of the 95 % interval of the mean."""
    low, high = np.percentile(resampled(sums, sizes, resamples), INTERVAL)
    return float(low), float(high)
