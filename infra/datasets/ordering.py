"""A person's order to cut an open question with the answers there are; the worker cuts."""

import hashlib

from schemas.dataset_lines import LineView
from schemas.records import DatasetManifest, ManifestKind


class OrderError(ValueError):
    """What is ordered would come to nothing; the message says why."""


def cut_order(
    view: LineView, dataset_id: str, *, by: str, reason: str, now_us: int
) -> DatasetManifest:
    """The record of an order. It fixes nothing of the dataset: that is a function of the cut.

    Args:
        view: Where the line stands.
        dataset_id: The dataset that the open question is for.
        by: Who orders it.
        reason: Why, in their words.
        now_us: The clock, UTC microseconds.

    Raises:
        OrderError: The line has no open question for that dataset.
    """
    asked = view.asks_for(dataset_id)
    if asked is None:
        raise OrderError(f"dataset {dataset_id}: no question for it is open")
    words = f"cut-ordered/{asked.event_id}/{by}/{now_us}"
    return DatasetManifest(
        event_id=hashlib.sha256(words.encode()).hexdigest()[:32],
        source="live",
        kind=ManifestKind.CUT_ORDERED,
        line=asked.line,
        dataset_id=dataset_id,
        seq=asked.seq,
        parent=asked.parent,
        counts={},
        label_cost=view.committed,
        budget=asked.budget,
        slices={},
        excluded={},
        inputs=(),
        assembled_ts=now_us,
        ordered_by=by,
        reason=reason,
    )
