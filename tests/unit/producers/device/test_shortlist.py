"""A shortlist is the head of the sorted whole, in bounded memory."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.device.shortlist import Shortlist


@given(
    st.lists(st.integers(0, 5), max_size=40).map(lambda scores: list(enumerate(scores))),
    st.integers(1, 8),
    st.randoms(use_true_random=False),
)
def test_it_keeps_the_smallest_whatever_the_order(
    offers: list[tuple[int, int]], size: int, chance: Random
) -> None:
    wanted = sorted((score, f"{number:03}") for number, score in offers)[:size]
    chance.shuffle(offers)
    kept: Shortlist[tuple[int, str]] = Shortlist(size)
    for number, score in offers:
        name = f"{number:03}"
        kept.offer(score, name, (score, name))
    assert list(kept.drain()) == wanted
    assert list(kept.drain()) == []


def test_a_shortlist_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="size of a shortlist: 0; must be at least 1"):
        Shortlist(0)
