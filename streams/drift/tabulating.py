"""A batch of reporting windows as counts of answers by place and minute."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.references import CONFIDENCE_BINS
from streams.drift.partials import BUCKET_US, Answers, Place
from streams.drift.scores import Ints
from streams.slo.judging import group_rows


def comparable(rows: pa.RecordBatch) -> npt.NDArray[np.bool_]:
    """Windows of a release whose counts of confidence and of classes tell of the same frames."""
    confidence, classes = rows.column("confidence"), rows.column("classes")
    whole = pc.equal(pc.list_value_length(confidence), CONFIDENCE_BINS)
    named = pc.and_(whole, pc.is_valid(rows.column("release_id")))
    told = _sums(confidence)
    found: npt.NDArray[np.bool_] = named.to_numpy(zero_copy_only=False) & (told > 0)
    found &= told == _sums(classes)
    return found


def tabulate(rows: pa.RecordBatch, stamps_us: Ints) -> Iterator[tuple[tuple[int, Place], Answers]]:
    """Counts of each place and minute of ingest; all rows are comparable, at least one."""
    groups, keys = group_rows(rows, stamps_us // BUCKET_US, Place._fields)
    size = len(keys)
    windows = np.bincount(groups, minlength=size)
    flips = np.bincount(groups, rows.column("flips").to_numpy(), minlength=size).astype(np.int64)
    confidence = _table(rows.column("confidence"), groups, size)
    classes = _table(rows.column("classes"), groups, size)
    for at, (place, bucket) in enumerate(keys):
        yield (
            (bucket, Place(*place)),
            Answers(
                windows=int(windows[at]),
                frames=int(confidence[at].sum()),
                flips=int(flips[at]),
                confidence=confidence[at],
                classes=classes[at],
            ),
        )


def _table(lists: pa.ListArray, groups: Ints, size: int) -> Ints:
    """Sums of lists place by place, int64 [groups, longest list]."""
    parents = lists.value_parent_indices().to_numpy()
    values = lists.flatten().to_numpy()
    starts = np.concatenate(([0], np.cumsum(pc.list_value_length(lists).to_numpy())))
    places = np.arange(len(values)) - starts[parents]
    width = int(places.max()) + 1
    found = np.bincount(groups[parents] * width + places, values, minlength=size * width)
    table: Ints = found.astype(np.int64).reshape(size, width)
    return table


def _sums(lists: pa.ListArray) -> Ints:
    parents = lists.value_parent_indices().to_numpy()
    values = lists.flatten().to_numpy()
    sums: Ints = np.bincount(parents, values, minlength=len(lists)).astype(np.int64)
    return sums
