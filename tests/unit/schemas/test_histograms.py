"""The latency histogram: exact at the deadline, order-free, bounded in size and error."""

from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import histograms
from schemas.records import LatencyHistogram

DEADLINE_US = 50_000
LATENCIES = st.lists(st.integers(0, 2**40), max_size=60)
SCALES = st.integers(-4, 10)
HISTOGRAMS = st.builds(
    lambda values, scale: histograms.from_ratios(values, DEADLINE_US, scale), LATENCIES, SCALES
)


def over_deadline(histogram: LatencyHistogram) -> int:
    """Bucket 0 begins at the ratio 1.0, at every scale."""
    return sum(histogram.counts[max(0, -histogram.offset) :])


def test_buckets_include_their_upper_edge() -> None:
    one = histograms.from_ratios([50_000], DEADLINE_US)
    assert (one.offset, one.counts) == (-1, (1,))
    over = histograms.from_ratios([50_001], DEADLINE_US)
    assert (over.offset, over.counts) == (0, (1,))
    double = histograms.from_ratios([100_000], DEADLINE_US, scale=0)
    assert (double.offset, double.counts) == (0, (1,))


def test_nothing_is_empty_and_zero_is_counted_apart() -> None:
    assert histograms.from_ratios([], DEADLINE_US) == histograms.empty()
    zeros = histograms.from_ratios([0, 0, 50_000], DEADLINE_US)
    assert (zeros.zero_count, zeros.counts, zeros.min_us, zeros.max_us) == (2, (1,), 0, 50_000)


@settings(deadline=None)
@given(LATENCIES, SCALES)
def test_late_results_are_counted_exactly_at_every_scale(values: list[int], scale: int) -> None:
    histogram = histograms.from_ratios(values, DEADLINE_US, scale)
    assert histograms.count(histogram) == len(values)
    assert over_deadline(histogram) == sum(v > DEADLINE_US for v in values)
    assert len(histogram.counts) <= histograms.MAX_BUCKETS
    assert histogram.sum_us == sum(values)


@settings(deadline=None)
@given(st.lists(HISTOGRAMS, max_size=6), st.randoms())
def test_merging_does_not_depend_on_order_or_grouping(
    parts: list[LatencyHistogram], shuffle: Random
) -> None:
    whole = histograms.merge(parts)
    mixed = list(parts)
    shuffle.shuffle(mixed)
    stepwise = histograms.merge([])
    for part in mixed:
        stepwise = histograms.merge([stepwise, part])
    assert _canonical(stepwise) == _canonical(whole)
    assert over_deadline(whole) == sum(map(over_deadline, parts))
    assert len(whole.counts) <= histograms.MAX_BUCKETS


@settings(deadline=None)
@given(LATENCIES, LATENCIES)
def test_a_merge_equals_recording_everything_at_once(left: list[int], right: list[int]) -> None:
    apart = histograms.merge(
        [histograms.from_ratios(left, DEADLINE_US), histograms.from_ratios(right, DEADLINE_US)]
    )
    assert apart == histograms.from_ratios(left + right, DEADLINE_US)


@pytest.mark.parametrize("scale", [3, 5, 7])
def test_quantiles_stay_within_the_promised_error(scale: int) -> None:
    values = np.random.default_rng(7).lognormal(10.3, 0.4, 2_000).astype(np.int64)
    histogram = histograms.from_ratios(values, DEADLINE_US, scale)
    base = 2.0 ** (2.0**-histogram.scale)
    bound = (base - 1) / (base + 1)
    ordered = np.sort(values)
    found = []
    for share in (0.0, 0.5, 0.95, 0.99, 0.999, 1.0):
        truth = ordered[int(share * (len(ordered) - 1))]
        found.append(histograms.quantile(histogram, share, DEADLINE_US))
        assert abs(found[-1] - truth) <= bound * truth + 1e-6
    assert all(a <= b for a, b in pairwise(found))


def test_quantile_of_nothing_and_of_zeros_is_zero() -> None:
    assert histograms.quantile(histograms.empty(), 0.99, DEADLINE_US) == 0.0
    zeros = histograms.from_ratios([0, 0, 0, 90_000], DEADLINE_US)
    assert histograms.quantile(zeros, 0.5, DEADLINE_US) == 0.0
    assert histograms.quantile(zeros, 1.0, DEADLINE_US) == 90_000.0


@pytest.mark.parametrize(
    ("values", "deadline", "scale", "message"),
    [
        ([-1], DEADLINE_US, 5, "latencies_us=-1"),
        ([1.5], DEADLINE_US, 5, "whole microseconds"),
        ([1], 0, 5, "deadline_us=0"),
        ([1], DEADLINE_US, 21, "scale=21"),
    ],
)
def test_what_cannot_be_recorded_is_named(
    values: list[int], deadline: int, scale: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        histograms.from_ratios(values, deadline, scale)


def test_a_quantile_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"share=1\.1"):
        histograms.quantile(histograms.empty(), 1.1, DEADLINE_US)


def _canonical(histogram: LatencyHistogram) -> LatencyHistogram:
    """Empty histograms have no resolution to compare."""
    if any(histogram.counts):
        return histogram
    return histograms.merge([]) if histograms.count(histogram) == 0 else histogram
