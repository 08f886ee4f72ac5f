"""The fold of one partition of devices: who is expected to report, and how often."""

import json
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.records import Lifecycle, Slot
from streams.hashing import hashes
from streams.processor import LogBatch
from streams.sequences import places
from streams.watch.registry import Registry, Versions
from streams.watch.watch_file import WatchPolicy

MAX_PATIENCE_MS: Final = 86_400_000
"""An interval of weeks must not make a device invisible."""
_SEQUENCES: Final = 30
_BOOTS: Final = 33

Key = tuple[str, ...]


class EnrollingFold:
    """Keeps the registry of one partition.

    A device is expected to report while it is ACTIVE and runs a model; one that is PARKED,
    RETIRED or LOST, or has nothing to run yet, is no silence.

    Attributes:
        keys: Labels of each fleet, by its number.
        high_us: Highest stamp read.
    """

    def __init__(self, policy: WatchPolicy) -> None:
        self._policy = policy
        self._numbers: dict[Key, int] = {}
        self.registry = Registry()
        self.high_us = 0

    @property
    def keys(self) -> Sequence[Key]:
        """Labels of each fleet, by its number."""
        return tuple(self._numbers)

    def apply(self, batch: LogBatch) -> None:
        """Take the next stretch of the partition."""
        rows = batch.rows
        if rows.num_rows:
            stamps = np.maximum.accumulate(np.maximum(batch.stamps_us, self.high_us))
            ids = rows.column("device_id")
            self.registry.add(
                Versions(
                    device=hashes(ids),
                    order=_order(rows.column("event_id"), batch.offsets),
                    stamp_us=stamps,
                    patience_ms=self._patience(rows.column("heartbeat_interval_ms")),
                    group=np.where(_expected(rows), self._groups(rows), -1).astype(np.int16),
                    ids=ids.cast(pa.string()),
                )
            )
        if batch.tombstones:
            self.registry.erase(hashes(pa.array(batch.tombstones, pa.string())))
        self.high_us = max(self.high_us, batch.high_stamp_us)

    def snapshot(self) -> bytes:
        """State as JSON."""
        state = {
            "keys": [list(key) for key in self._numbers],
            "high_us": self.high_us,
            "registry": self.registry.state(),
        }
        return json.dumps(state, separators=(",", ":")).encode()

    def restore(self, snapshot: bytes) -> None:
        """Take the state of `snapshot()`."""
        state = json.loads(snapshot)
        self._numbers = {tuple(key): number for number, key in enumerate(state["keys"])}
        self.high_us = state["high_us"]
        self.registry.load(state["registry"])

    def _patience(self, intervals_ms: pa.Array) -> npt.NDArray[np.int32]:
        after = self._policy.silent_after
        intervals = intervals_ms.to_numpy().clip(0, MAX_PATIENCE_MS) * after.intervals
        patience: npt.NDArray[np.int32] = intervals.clip(
            after.at_least // 1_000, MAX_PATIENCE_MS
        ).astype(np.int32)
        return patience

    def _groups(self, rows: pa.RecordBatch) -> npt.NDArray[np.int16]:
        """Number of each row's fleet; the catalogue bounds how many there can be."""
        labels = [
            rows.column(label).cast(pa.string()).to_pylist()
            for label in self._policy.fleet.group_by
        ]
        numbers = self._numbers
        return np.fromiter(
            (numbers.setdefault(key, len(numbers)) for key in zip(*labels, strict=True)),
            np.int16,
            rows.num_rows,
        )


def _expected(rows: pa.RecordBatch) -> npt.NDArray[np.bool_]:
    lifecycle, slot = (rows.column(name).cast(pa.string()) for name in ("lifecycle", "active_slot"))
    runs = pc.if_else(
        pc.equal(slot, Slot.A.value),
        rows.column("slot_a_digest").is_valid(),
        rows.column("slot_b_digest").is_valid(),
    )
    expected = pc.and_(pc.equal(lifecycle, Lifecycle.ACTIVE.value), runs)
    found: npt.NDArray[np.bool_] = expected.to_numpy(zero_copy_only=False)
    return found


def _order(event_ids: pa.Array, offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """A number that rises with boot and sequence; the offset where an id has neither."""
    placed, boots, sequences = places(event_ids)
    order = offsets.copy()
    order[placed] = (boots.clip(0, (1 << _BOOTS) - 1) << _SEQUENCES) + sequences.clip(
        0, (1 << _SEQUENCES) - 1
    )
    return order
