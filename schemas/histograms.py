"""The exponential histogram of latency/deadline: recording, merging, quantiles, all order-free.

The OpenTelemetry data model: bucket i covers (base^i, base^(i+1)] with base = 2^(2^-scale). The
ratio 1.0, the deadline, is a bucket edge at every scale, so "how many were late" stays exact
however often a histogram is merged and coarsened.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from schemas.records import LatencyHistogram

DEFAULT_SCALE: Final = 5
MIN_SCALE: Final = -10
MAX_SCALE: Final = 20
MAX_BUCKETS: Final = 160


def from_ratios(
    latencies_us: Sequence[int] | npt.NDArray[np.integer],
    deadline_us: int,
    scale: int = DEFAULT_SCALE,
) -> LatencyHistogram:
    """Record latencies against their deadline.

    Args:
        latencies_us: Whole microseconds, shape [n], none negative; 0 counts as zero.
        deadline_us: Deadline in microseconds.
        scale: Resolution wished for; made coarser until at most 160 buckets are in use.

    Raises:
        ValueError: A latency is negative or no whole number, the deadline is not positive, or
            the scale is outside [-10, 20].
    """
    if deadline_us <= 0:
        raise ValueError(f"deadline_us={deadline_us}: a deadline is at least 1 microsecond")
    if not MIN_SCALE <= scale <= MAX_SCALE:
        raise ValueError(f"scale={scale}: a scale is within [{MIN_SCALE}, {MAX_SCALE}]")
    values = np.asarray(latencies_us)
    if values.size == 0:
        return empty(scale)
    if values.dtype.kind not in "iu":
        raise ValueError(f"latencies_us of type {values.dtype}: give whole microseconds")
    if (low := int(values.min())) < 0:
        raise ValueError(f"latencies_us={low}: a latency is not negative")
    positive = values[values > 0]
    # Upper-inclusive buckets: a value on an edge belongs to the bucket below it.
    indexes = np.ceil(np.log2(positive / deadline_us) * 2.0**scale).astype(np.int64) - 1
    scale, offset, counts = dense(indexes, np.ones(len(indexes), dtype=np.int64), scale)
    return LatencyHistogram(
        scale=scale,
        zero_count=len(values) - len(positive),
        offset=offset,
        counts=tuple(counts.tolist()),
        sum_us=int(values.sum()),
        min_us=low,
        max_us=int(values.max()),
    )


def empty(scale: int = DEFAULT_SCALE) -> LatencyHistogram:
    """A histogram of nothing: the neutral element of `merge`."""
    return LatencyHistogram(
        scale=scale, zero_count=0, offset=0, counts=(), sum_us=0, min_us=0, max_us=0
    )


def merge(histograms: Iterable[LatencyHistogram]) -> LatencyHistogram:
    """Sum of histograms, the same whatever their order or grouping.

    The scale is the finest that all of them have and at which the sum needs at most 160 buckets.
    """
    parts = list(histograms)
    filled = [part for part in parts if any(part.counts)]
    judged = [part for part in parts if count(part)]
    scale = min((part.scale for part in filled or parts), default=DEFAULT_SCALE)
    indexes = [
        (np.arange(len(part.counts), dtype=np.int64) + part.offset) >> (part.scale - scale)
        for part in filled
    ]
    weights = [np.asarray(part.counts, dtype=np.int64) for part in filled]
    if filled:
        scale, offset, counts = dense(np.concatenate(indexes), np.concatenate(weights), scale)
    else:
        offset, counts = 0, np.zeros(0, dtype=np.int64)
    return LatencyHistogram(
        scale=scale,
        zero_count=sum(part.zero_count for part in parts),
        offset=offset,
        counts=tuple(counts.tolist()),
        sum_us=sum(part.sum_us for part in parts),
        min_us=min((part.min_us for part in judged), default=0),
        max_us=max((part.max_us for part in judged), default=0),
    )


def dense(
    indexes: npt.NDArray[np.int64], weights: npt.NDArray[np.int64], scale: int
) -> tuple[int, int, npt.NDArray[np.int64]]:
    """Sum weights by bucket index, coarsened to at most 160 buckets, without empty ends.

    Args:
        indexes: Bucket indexes at `scale`, any order, repeats allowed, shape [n].
        weights: Results in each, none negative, shape [n].
        scale: Scale of the indexes.

    Returns:
        The scale used, the index of the first bucket, results by bucket (shape [<= 160]).
    """
    present = weights > 0
    indexes, weights = indexes[present], weights[present]
    if indexes.size == 0:
        return scale, 0, np.zeros(0, dtype=np.int64)
    low, high = int(indexes.min()), int(indexes.max())
    steps = 0
    while (high >> steps) - (low >> steps) >= MAX_BUCKETS:
        steps += 1
    offset = low >> steps
    counts = np.zeros((high >> steps) - offset + 1, dtype=np.int64)
    np.add.at(counts, (indexes >> steps) - offset, weights)
    return scale - steps, offset, counts


def count(histogram: LatencyHistogram) -> int:
    """Results in a histogram."""
    return histogram.zero_count + sum(histogram.counts)


def quantile(histogram: LatencyHistogram, share: float, deadline_us: int) -> float:
    """Latency in microseconds at a share of the results, 0.0 when there are none.

    The value is off by at most (base-1)/(base+1), 1.08 % at scale 5: it is the point of the
    bucket with the same relative distance to both edges, kept within the smallest and largest
    latency seen. Formula: DDSketch (Masson, Rim, Lee 2019), section 2.

    Args:
        histogram: What was recorded.
        share: In [0, 1]; 0.99 for p99. The result at rank floor(share * (n - 1)).
        deadline_us: The deadline its ratios speak of, in microseconds.

    Raises:
        ValueError: The share is outside [0, 1].
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share={share}: a quantile is within [0, 1]")
    results = count(histogram)
    rank = int(share * (results - 1)) if results else 0
    if rank < histogram.zero_count or results == 0:
        return 0.0
    upto = histogram.zero_count + np.cumsum(np.asarray(histogram.counts, dtype=np.int64))
    index = histogram.offset + int(np.searchsorted(upto, rank, side="right"))
    base = 2.0 ** (2.0**-histogram.scale)
    ratio = 2.0 * base ** (index + 1) / (base + 1.0)
    return float(min(max(ratio * deadline_us, histogram.min_us), histogram.max_us))
