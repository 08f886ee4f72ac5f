"""Which encounters are worth a label: weighted k-means over their embeddings."""

import numpy as np
from numpy.typing import NDArray

_LLOYD_STEPS = 10


def choose(
    embeddings: NDArray[np.float32], margins: NDArray[np.float64], budget: int, seed: int
) -> NDArray[np.int64]:
    """Indexes of the encounters to label, sorted, at most `budget` and without repeats.

    k-means++ seeding and ten Lloyd steps with k = budget, both weighted by (1 - margin)^2, so
    that unsure regions get more centroids and known ones few; then the encounter nearest to each
    centroid. Measured against nine other rules on real pictures, best at 50 to 200 labels.

    Args:
        embeddings: [n, d], L2-normalised, one row per encounter.
        margins: [n], best minus second probability, smallest over the encounter's frames.
        budget: Labels to pay.
        seed: Of the seeding; the same inputs give the same choice.

    Raises:
        ValueError: Shapes disagree or the budget is negative.
    """
    n = len(embeddings)
    if margins.shape != (n,) or budget < 0:
        raise ValueError(f"{n} embeddings, margins {margins.shape}, budget {budget}: must agree")
    if budget >= n:
        return np.arange(n, dtype=np.int64)
    weights = np.maximum((1.0 - margins) ** 2, 1e-12)
    points = embeddings.astype(np.float64)
    centroids = _lloyd(points, weights, _seeds(points, weights, budget, seed))
    return _nearest_distinct(points, centroids)


def _seeds(
    points: NDArray[np.float64], weights: NDArray[np.float64], k: int, seed: int
) -> NDArray[np.float64]:
    """k-means++ (Arthur and Vassilvitskii 2007) with point weights."""
    generator = np.random.default_rng(seed)
    picked = [int(generator.choice(len(points), p=weights / weights.sum()))]
    gap = _square_distance(points, points[picked])[:, 0]
    for _ in range(1, k):
        mass = weights * gap
        total = mass.sum()
        share = mass / total if total > 0 else weights / weights.sum()
        picked.append(int(generator.choice(len(points), p=share)))
        gap = np.minimum(gap, _square_distance(points, points[picked[-1:]])[:, 0])
    return points[picked]


def _lloyd(
    points: NDArray[np.float64], weights: NDArray[np.float64], centroids: NDArray[np.float64]
) -> NDArray[np.float64]:
    for _ in range(_LLOYD_STEPS):
        owner = _square_distance(points, centroids).argmin(axis=1)
        mass = np.bincount(owner, weights, minlength=len(centroids))
        sums = np.zeros_like(centroids)
        np.add.at(sums, owner, points * weights[:, None])
        filled = mass > 0
        centroids[filled] = sums[filled] / mass[filled, None]
    return centroids


def _nearest_distinct(
    points: NDArray[np.float64], centroids: NDArray[np.float64]
) -> NDArray[np.int64]:
    """The point nearest to each centroid; a point serves one centroid only."""
    distance = _square_distance(points, centroids)
    taken: list[int] = []
    for column in range(len(centroids)):
        distance[taken, column] = np.inf
        taken.append(int(distance[:, column].argmin()))
    return np.sort(np.array(taken, dtype=np.int64))


def _square_distance(
    points: NDArray[np.float64], centroids: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Array [points, centroids]."""
    cross = points @ centroids.T
    square = (points**2).sum(axis=1)[:, None] + (centroids**2).sum(axis=1)[None, :]
    distance: NDArray[np.float64] = np.maximum(square - 2.0 * cross, 0.0)
    return distance
