"""What a batch of inference-events adds to the counts of an SLO: whole columns, no row loops."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas import histograms
from schemas.records import AlertExemplar, LatencyHistogram
from streams.slo import sides as side_counts
from streams.slo.objectives import Slo

CLOCK_AHEAD_US: Final = 120_000_000
MAX_EXEMPLARS: Final = 4
DENSE_CELLS: Final = 4_000_000
NOT_STATED: Final = "NOT_STATED"

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CellCount:
    """What some events add to one (key, bucket).

    Attributes:
        key: Values of the SLO's group_by labels, in its order.
        bucket: The events' times are in (bucket * size, (bucket + 1) * size].
        total: Frames due and not warm-up. bad: of these, late or without a result.
        exemplars: Up to 4 late inferences, the slowest first.
        sides: Counts by labels that are no part of the key.
    """

    key: Key
    bucket: int
    total: int
    bad: int
    latency: LatencyHistogram
    exemplars: tuple[AlertExemplar, ...]
    sides: side_counts.Sides = ()


def event_times(rows: pa.RecordBatch, stamps_us: Ints) -> tuple[Ints, Mask]:
    """Event time of each row, and whose clocks were too far ahead.

    The event time is the end of the reporting window; one more than two minutes ahead of the
    broker's stamp is replaced by the stamp.
    """
    ends = _ints(rows.column("window_end"))
    ahead = ends > stamps_us + CLOCK_AHEAD_US
    return np.where(ahead, stamps_us, ends), ahead


def judge(rows: pa.RecordBatch, times_us: Ints, slo: Slo) -> Iterator[CellCount]:
    """Count rows by key and bucket; every row's deadline must be the SLO's threshold.

    Args:
        rows: Columns of inference-events.
        times_us: Event time of each row, shape [n].
        slo: What to count by.
    """
    if rows.num_rows == 0:
        return
    groups, keys = group_rows(rows, bucket_of(times_us, slo), slo.group_by)
    size = len(keys)
    produced, warmup = _ints(rows.column("produced")), _ints(rows.column("warmup"))
    total = _ints(rows.column("expected")) - warmup
    bad = _ints(rows.column("late")) + _ints(rows.column("expected")) - produced
    totals, bads = _sums(groups, size, total), _sums(groups, size, bad)
    latencies = _histograms(rows.column("latency"), produced - warmup, groups, size)
    exemplars = _exemplars(rows, groups, slo.threshold_us)
    beside = [
        side_counts.count(label, *_encoded(rows, label), groups, (total, bad), size)
        for label in side_counts.beside(slo.group_by)
    ]
    for group, (key, bucket) in enumerate(keys):
        yield CellCount(
            key,
            bucket,
            int(totals[group]),
            int(bads[group]),
            latencies[group],
            exemplars.get(group, ()),
            side_counts.merge((), [side for counted in beside for side in counted[group]]),
        )


def bucket_of(times_us: Ints, slo: Slo) -> Ints:
    """Bucket of each time: an event on an edge closes the one before it, windows are (w - L, w]."""
    buckets: Ints = -(-times_us // slo.bucket_us) - 1
    return buckets


def slowest(exemplars: Sequence[AlertExemplar], limit: int) -> tuple[AlertExemplar, ...]:
    """The slowest of them, each once; the order they came in does not matter."""
    unique = {(one.event_id, one.latency_us, one.trace_id): one for one in exemplars}
    ordered = sorted(unique, key=lambda one: (-one[1], one[0], one[2]))
    return tuple(unique[name] for name in ordered[:limit])


def group_rows(
    rows: pa.RecordBatch, buckets: Ints, labels: Sequence[str]
) -> tuple[Ints, list[tuple[Key, int]]]:
    """Number of each row's group, and what the groups are."""
    first = int(buckets.min())
    code = buckets - first
    names: list[list[str]] = []
    for label in labels:
        values, codes = _encoded(rows, label)
        names.append(values)
        code = code * len(values) + codes
    unique, groups = np.unique(code, return_inverse=True)
    keys: list[tuple[Key, int]] = []
    for number in unique.tolist():
        rest, parts = number, []
        for values in reversed(names):
            rest, index = divmod(rest, len(values))
            parts.append(values[index])
        keys.append((tuple(reversed(parts)), rest + first))
    return groups.astype(np.int64), keys


def _encoded(rows: pa.RecordBatch, label: str) -> tuple[list[str], Ints]:
    """Values of a label, and the place of each row's value among them."""
    encoded = pc.fill_null(rows.column(label).cast(pa.string()), NOT_STATED).dictionary_encode()
    return encoded.dictionary.to_pylist(), _ints(encoded.indices)


def _histograms(
    latency: pa.StructArray, results: Ints, groups: Ints, size: int
) -> list[LatencyHistogram]:
    """Sum of the histograms of each group.

    Args:
        latency: Column of structs, one a row.
        results: Judged results of each row: valid rows' counts and zero_count add up to them.
        groups: Group of each row.
        size: Number of groups.
    """
    zeros = _ints(latency.field("zero_count"))
    filled = results > zeros
    scales = _ints(latency.field("scale"))
    scale = np.full(size, histograms.MAX_SCALE, dtype=np.int64)
    np.minimum.at(scale, groups[filled], scales[filled])
    parts = _by_group(latency, filled, scales - scale[groups], groups, size)
    lows, highs = _extremes(latency, groups, size, results > 0)
    sums = _sums(groups, size, _ints(latency.field("sum_us")))
    zeros = _sums(groups, size, zeros)
    made = []
    for group, (index, weight) in enumerate(parts):
        used, offset, dense = histograms.dense(index, weight, int(scale[group]))
        made.append(
            LatencyHistogram(
                scale=used if len(dense) else histograms.DEFAULT_SCALE,
                zero_count=int(zeros[group]),
                offset=offset,
                counts=tuple(dense.tolist()),
                sum_us=int(sums[group]),
                min_us=int(lows[group]),
                max_us=int(highs[group]),
            )
        )
    return made


def _by_group(
    latency: pa.StructArray, filled: Mask, shifts: Ints, groups: Ints, size: int
) -> Iterator[tuple[Ints, Ints]]:
    """Bucket indexes and weights of each group, added up where their range allows it.

    Two million weights pass here in a batch, so each array of their length is one too many.

    Args:
        latency: Column of structs, one a row.
        filled: Rows with a bucket that is not empty.
        shifts: How many steps coarser the scale of its group is, for each filled row.
        groups: Group of each row.
        size: Number of groups.
    """
    counts = latency.field("counts")
    offsets, lengths = _ints(latency.field("offset")), _ints(pc.list_value_length(counts))
    weights = _ints(counts.flatten())
    if lengths[~filled].any():  # empty buckets at an offset that means nothing
        weights = weights[filled.repeat(lengths)]
        lengths = np.where(filled, lengths, 0)
    if len(weights) == 0:
        yield from ((weights, weights) for _ in range(size))
        return
    place = np.arange(len(weights), dtype=np.int64)
    place += (offsets - np.cumsum(lengths) + lengths).repeat(lengths)
    if shifts[filled].any():
        place >>= shifts.clip(0).repeat(lengths)
    low = int((offsets[filled] >> shifts[filled]).min())
    span = int(((offsets + lengths)[filled] >> shifts[filled]).max()) - low + 1
    if span * size > DENSE_CELLS:  # an absurd offset of one device must not cost gigabytes
        spread = groups.repeat(lengths)
        for group in range(size):
            mine = spread == group
            yield place[mine], weights[mine]
        return
    place += (groups * span - low).repeat(lengths)
    table = _sums(place, size * span, weights).reshape(size, span)
    wide = np.arange(low, low + span, dtype=np.int64)
    for group in range(size):
        yield wide, table[group]


def _extremes(latency: pa.StructArray, groups: Ints, size: int, judged: Mask) -> tuple[Ints, Ints]:
    lows = np.full(size, np.iinfo(np.int64).max, dtype=np.int64)
    highs = np.zeros(size, dtype=np.int64)
    np.minimum.at(lows, groups[judged], _ints(latency.field("min_us"))[judged])
    np.maximum.at(highs, groups[judged], _ints(latency.field("max_us"))[judged])
    lows[lows == np.iinfo(np.int64).max] = 0
    return lows, highs


def _exemplars(
    rows: pa.RecordBatch, groups: Ints, threshold_us: int
) -> dict[int, tuple[AlertExemplar, ...]]:
    """The slowest late inferences of each group."""
    lists = rows.column("exemplars")
    lengths = _ints(pc.list_value_length(lists))
    flat = lists.flatten()
    latencies = _ints(flat.field("latency_us"))
    late = np.flatnonzero(latencies > threshold_us)
    if len(late) == 0:
        return {}
    row_of = np.arange(len(lengths), dtype=np.int64).repeat(lengths)[late]
    order = np.lexsort((-latencies[late], groups[row_of]))
    ranked = groups[row_of][order]
    rank = np.arange(len(ranked)) - np.searchsorted(ranked, ranked, side="left")
    # Twice the limit, so that equal latencies are told apart by id and not by arrival.
    chosen = order[rank < 2 * MAX_EXEMPLARS]
    at = row_of[chosen]
    columns = (
        groups[at].tolist(),
        rows.column("event_id").take(at).to_pylist(),
        rows.column("device_id").take(at).to_pylist(),
        flat.field("trace_id").take(late[chosen]).to_pylist(),
        latencies[late[chosen]].tolist(),
    )
    found: dict[int, list[AlertExemplar]] = {}
    for group, event_id, device_id, trace_id, latency_us in zip(*columns, strict=True):
        found.setdefault(group, []).append(
            AlertExemplar(
                event_id=event_id, device_id=device_id, trace_id=trace_id, latency_us=latency_us
            )
        )
    return {group: slowest(ones, MAX_EXEMPLARS) for group, ones in found.items()}


def _sums(groups: Ints, size: int, values: Ints) -> Ints:
    sums = np.zeros(size, dtype=np.int64)
    np.add.at(sums, groups, values)
    return sums


def _ints(column: pa.Array) -> Ints:
    """An Arrow column of whole numbers or times as int64."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    found: Ints = column.to_numpy(zero_copy_only=False).astype(np.int64, copy=False)
    return found
