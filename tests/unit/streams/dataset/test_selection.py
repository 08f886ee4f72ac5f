"""The choice of labels is deterministic, distinct, and spreads over what the model is unsure of."""

import numpy as np
import pytest

from streams.dataset.selection import choose


def clusters(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ten far-apart clusters of 30 points; the model is sure of the first five."""
    generator = np.random.default_rng(seed)
    centres = np.linalg.qr(generator.normal(size=(16, 16)))[0][:10]
    points = np.repeat(centres, 30, axis=0) + generator.normal(scale=0.05, size=(300, 16))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    owner = np.repeat(np.arange(10), 30)
    margins = np.where(owner < 5, 0.99, 0.1) + generator.uniform(0, 0.005, 300)
    return points.astype(np.float32), margins, owner


@pytest.mark.parametrize("seed", range(5))
def test_unsure_clusters_are_all_covered_and_sure_ones_are_not_paid_for(seed: int) -> None:
    points, margins, owner = clusters(seed)
    chosen = choose(points, margins, 10, seed)
    assert len(set(chosen.tolist())) == 10
    assert set(range(5, 10)) <= set(owner[chosen].tolist())
    assert (owner[chosen] < 5).sum() <= 2


def test_the_same_inputs_give_the_same_choice() -> None:
    points, margins, _ = clusters(1)
    assert choose(points, margins, 25, 7).tolist() == choose(points, margins, 25, 7).tolist()


def test_a_budget_beyond_the_candidates_takes_all() -> None:
    points, margins, _ = clusters(1)
    assert choose(points[:4], margins[:4], 9, 0).tolist() == [0, 1, 2, 3]


def test_identical_points_are_still_chosen_distinctly() -> None:
    points = np.tile(np.eye(1, 8, dtype=np.float32), (20, 1))
    assert len(set(choose(points, np.full(20, 0.5), 6, 0).tolist())) == 6


def test_shapes_that_disagree_are_refused() -> None:
    with pytest.raises(ValueError, match="must agree"):
        choose(np.zeros((3, 2), np.float32), np.zeros(4), 1, 0)
