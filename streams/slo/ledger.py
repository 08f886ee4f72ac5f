"""All that is counted for one SLO: cells in, sums of every key over every window out."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from schemas.records import SloPartial
from streams.blobs import Blobs, Reading
from streams.slo.cells import HORIZON_US
from streams.slo.evidence import Evidence
from streams.slo.keys import Keys
from streams.slo.newest import Newest
from streams.slo.objectives import Slo
from streams.slo.windows import Windows

UNSEEN: Final = -1
Ints = npt.NDArray[np.int64]


class Ledger:
    """Counts of all keys; bucket b is event time (b, b + 1] in buckets.

    Attributes:
        since: By row, the first bucket of the key. last: its newest one.
        floor: By row, the bucket before which nothing counts.
        late_events: Events that came after their bucket's tick.
        too_old: Events left out because their bucket is beyond the horizon.
    """

    def __init__(self, slo: Slo) -> None:
        self._slo = slo
        # A dict keeps each length once, in the order of the file.
        lengths = dict.fromkeys(n for tier in slo.tiers for n in (tier.long_us, tier.short_us))
        self.keys = Keys(slo.group_by)
        self.windows = Windows(lengths, slo.bucket_us, slo.period_us)
        self.evidence = Evidence(min(lengths) // slo.bucket_us)
        self._newest = Newest(HORIZON_US // slo.bucket_us)
        self.since: Ints = np.zeros(0, dtype=np.int64)
        self.last: Ints = np.zeros(0, dtype=np.int64)
        self.floor: Ints = np.zeros(0, dtype=np.int64)
        self.late_events = 0
        self.too_old = 0

    @property
    def room(self) -> int:
        """Rows that the arrays have room for."""
        return len(self.since)

    def row(self, labels: Mapping[str, str]) -> int:
        """Row of a key, known or new."""
        row = self.keys.find(labels)
        if row is not None:
            return row
        row = self.keys.take(labels)
        if row >= self.room:
            self._grow(row + row // 8 + 8)
        self.since[row] = self.last[row] = UNSEEN
        self.floor[row] = 0
        return row

    def observe(self, record: SloPartial) -> None:
        """Take a cell; older versions of it and cells beyond the horizon change nothing."""
        bucket = (record.bucket_start or 0) // self._slo.bucket_us
        mark = record.watermark // self._slo.bucket_us
        partition = record.source_partition
        if self._newest.too_old(partition, bucket, mark):
            self.too_old += record.total
            return
        row = self.row(record.key)
        added = self._newest.put(partition, bucket, row, (record.total, record.bad))
        self.add(row, bucket, *added)
        if bucket >= self.floor[row]:
            self.evidence.put(bucket, row, record, self.windows.tick)

    def add(self, row: int, bucket: int, total: int, bad: int) -> None:
        """Add events to a bucket of a key."""
        if total == 0 and bad == 0:
            return
        tick = self.windows.tick
        if tick is not None and bucket < tick:
            self.late_events += total
        if self.since[row] == UNSEEN or bucket < self.since[row]:
            self.since[row] = bucket
        self.last[row] = max(bucket, int(self.last[row]))
        self.windows.add(bucket, row, total, bad, counted=bucket >= self.floor[row])

    def forget_before(self, row: int, bucket: int) -> None:
        """Let nothing that a key did before a bucket count; rounded up to what leaves at once."""
        bucket = -(-bucket // self.windows.align) * self.windows.align
        if bucket > self.floor[row]:
            self.floor[row] = bucket
            self.windows.forget_before(bucket, row)
            self.evidence.forget_before(bucket, row)

    def tidy(self, tick: int) -> list[int]:
        """Forget what no later tick can use; rows of which nothing is left."""
        self._newest.tidy()
        self.windows.freeze()
        self.evidence.tidy(tick)
        held = [at for at in (self.windows.oldest, self._newest.oldest) if at is not None]
        oldest = min([tick, *held])
        return [row for row, _ in self.keys if self.last[row] < oldest]

    def state(self, blobs: Blobs) -> dict[str, Any]:
        """All of it as plain values."""
        rows = np.stack((self.since, self.last, self.floor))
        return {
            "keys": self.keys.state(),
            "rows": blobs.put(rows.tobytes()),
            "windows": self.windows.state(blobs),
            "newest": self._newest.state(blobs),
            "evidence": self.evidence.state(blobs),
            "late_events": self.late_events,
            "too_old": self.too_old,
        }

    def load(self, state: Mapping[str, Any], blobs: Reading) -> None:
        """Take the values of `state()`."""
        self.keys.load(state["keys"])
        rows = np.frombuffer(blobs.get(state["rows"]), dtype=np.int64).reshape(3, -1)
        self.since, self.last, self.floor = (one.copy() for one in rows)
        self.windows.load(state["windows"], blobs)
        self._newest.load(state["newest"], blobs)
        self.evidence.load(state["evidence"], blobs)
        self.late_events, self.too_old = state["late_events"], state["too_old"]

    def _grow(self, room: int) -> None:
        missing = (0, room - self.room)
        self.since = np.pad(self.since, missing, constant_values=UNSEEN)
        self.last = np.pad(self.last, missing, constant_values=UNSEEN)
        self.floor = np.pad(self.floor, missing)
        self.windows.grow(room)
