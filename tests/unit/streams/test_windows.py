"""Windows and watermark: aligned, order-free, and exact at the edges."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.windows import Tumbling, Watermark, on_time

MOMENTS = st.integers(-(10**15), 2 * 10**15)


@given(MOMENTS, st.integers(1, 10**10))
def test_a_moment_lies_in_its_window(ts: int, size_us: int) -> None:
    start = Tumbling(size_us).start(ts)
    assert start <= ts < start + size_us
    assert start % size_us == 0


@given(st.lists(MOMENTS, max_size=20), st.integers(1, 10**10))
def test_many_moments_are_placed_as_one(moments: list[int], size_us: int) -> None:
    windows = Tumbling(size_us)
    placed = windows.starts(np.array(moments, np.int64))
    assert placed.tolist() == [windows.start(ts) for ts in moments]


def test_a_span_touches_the_windows_of_both_its_ends() -> None:
    assert list(Tumbling(10).covering(9, 20)) == [0, 10, 20]
    assert list(Tumbling(10).covering(10, 19)) == [10]


def test_the_order_of_moments_does_not_move_the_watermark() -> None:
    for order in permutations([5, 9, 7]):
        watermark = Watermark(2)
        for ts in order:
            watermark = watermark.seen(ts)
        assert watermark.us == 7


def test_merging_takes_the_later_history() -> None:
    early, late, none = Watermark(1, 5), Watermark(1, 8), Watermark(1)
    assert early.merged(late) == late.merged(early) == late
    assert none.merged(early) == early.merged(none) == early


def test_a_window_closes_when_the_watermark_reaches_its_end() -> None:
    assert not Watermark(2).closed(0)
    assert not Watermark(2, 11).closed(10)
    assert Watermark(2, 12).closed(10)


def test_an_empty_batch_does_not_move_the_watermark() -> None:
    assert Watermark(2, 4).seen_all(np.array([], np.int64)) == Watermark(2, 4)
    assert Watermark(2, 4).seen_all(np.array([3, 9], np.int64)) == Watermark(2, 9)


def test_the_horizon_itself_is_still_on_time() -> None:
    moments = np.array([89, 90, 100], np.int64)
    assert on_time(moments, 100, 10).tolist() == [False, True, True]
    assert on_time(moments, None, 10).tolist() == [True, True, True]


def test_impossible_sizes_are_named() -> None:
    with pytest.raises(ValueError, match="size_us=0"):
        Tumbling(0)
    with pytest.raises(ValueError, match="lateness_us=-1"):
        Watermark(-1)
