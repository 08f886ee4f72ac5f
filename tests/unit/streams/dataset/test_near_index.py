"""The near-duplicate index answers as if it compared everything with everything."""

import numpy as np
import pytest
from numpy.typing import NDArray

from streams.dataset.codes import near, quantised
from streams.dataset.near_index import NearIndex
from streams.dataset.near_memory import NearMemory

COSINE = 0.995


def clustered(count: int, seed: int) -> NDArray[np.float32]:
    """Unit vectors around 300 others, as embeddings of one model lie."""
    draw = np.random.default_rng(seed)
    middles = np.maximum(np.random.default_rng(0).normal(size=(300, 32)), 0)
    noise = draw.normal(size=(count, 32)) * draw.uniform(0.0, 0.4, (count, 1))
    found = np.maximum(middles[draw.integers(300, size=count)] + noise, 0)
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    unit: NDArray[np.float32] = found.astype(np.float32)
    return unit


def filled(count: int, seed: int, step: int) -> NearIndex:
    index = NearIndex(32, COSINE)
    held = quantised(clustered(count, seed))
    for begin in range(0, count, step):
        index.add(held.take(slice(begin, begin + step)))
    return index


@pytest.mark.parametrize("count", [500, 9_000, 20_000])
def test_the_cells_hide_nothing_and_invent_nothing(count: int) -> None:
    index = filled(count, 1, 4_000)
    asked = quantised(clustered(2_000, 2))
    found = index.near(asked)
    assert 0 < found.sum() < len(found)
    assert np.array_equal(found, near(asked, index.codes(), COSINE).any(axis=1))


def test_where_the_cells_lie_does_not_change_an_answer() -> None:
    asked = quantised(clustered(2_000, 2))
    answers = {filled(30_000, 1, step).near(asked).tobytes() for step in (1_000, 7_000, 30_000)}
    assert len(answers) == 1


def test_what_is_forgotten_is_not_found_and_the_rest_is() -> None:
    index = filled(20_000, 1, 5_000)
    first, last = (
        quantised(clustered(20_000, 1)).take(rows) for rows in (slice(200), slice(-200, None))
    )
    index.forget_first(15_000)
    assert len(index) == 5_000
    assert index.near(last).all()
    assert np.array_equal(index.near(first), near(first, index.codes(), COSINE).any(axis=1))
    index.add(first)
    assert index.near(first).all()


def test_against_embeddings_as_floats_at_least_95_in_100_are_found_and_as_few_are_wrong() -> None:
    """Rounding to whole numbers moves what lies at the threshold, and nothing else."""
    held, asked = clustered(5_000, 1), clustered(5_000, 2)
    index = NearIndex(32, COSINE)
    index.add(quantised(held))
    found, truth = index.near(quantised(asked)), (asked @ held.T > COSINE).any(axis=1)
    assert (found & truth).sum() >= 0.95 * truth.sum() > 0
    assert (found & ~truth).sum() <= 0.05 * truth.sum()


def test_of_a_chain_of_near_ones_each_is_judged_by_those_kept_before_it() -> None:
    turn = np.arccos(COSINE) * 0.8
    chain = np.stack([(np.cos(n * turn), np.sin(n * turn)) for n in range(5)]).astype(np.float32)
    for pieces in ([5], [1, 4], [2, 1, 2]):
        memory, begin, kept = NearMemory(COSINE), 0, []
        for size in pieces:
            codes = quantised(chain[begin : begin + size])
            kept += memory.take([""] * size, codes).tolist()
            begin += size
        assert kept == [True, False, True, False, True]
