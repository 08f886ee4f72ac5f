"""Stage one: the fold of one partition of inference-events, and what it hands on."""

from collections.abc import Iterator
from typing import Any, Final

import pyarrow as pa

from schemas.topics import DRIFT_PARTIALS
from streams.blobs import Blobs, Reading
from streams.drift import partials
from streams.drift.partials import BUCKET_US, Answers, Place
from streams.drift.tabulating import comparable, tabulate
from streams.processor import LogBatch, Outgoing, Position
from streams.sequences import DeviceSequences

EMIT_EVERY_US: Final = 1_000_000
KEPT_US: Final = 2 * BUCKET_US
"""A minute that is over is kept so long: the broker may have stamped one more record in it."""


class CountingFold:
    """Counts answers by place and by the minute in which they arrived.

    By ingest time no window is late: a device that was away is counted when it reports, once.

    Args:
        partition: Whose fold it is.

    Attributes:
        tally: Windows so far that were `duplicate`, or `uncompared` (of no release, or with
            counts of confidence and classes that do not add up to the same).
    """

    def __init__(self, partition: int) -> None:
        self._partition = partition
        self._sequences = DeviceSequences()
        self._buckets: dict[int, dict[Place, Answers]] = {}
        self._dirty: set[tuple[int, Place]] = set()
        self._last_offset = -1
        self._emitted_at = 0
        self._told = (-1, 0)
        self.tally = dict.fromkeys(("duplicate", "uncompared"), 0)

    def apply(self, batch: LogBatch) -> None:
        """Count the next stretch of the partition."""
        self._last_offset = batch.last_offset
        rows, stamps = batch.rows, batch.stamps_us
        if not rows.num_rows:
            return
        fresh = self._sequences.fresh(rows.column("device_id"), rows.column("event_id"))
        self.tally["duplicate"] += int((~fresh).sum())
        compared = comparable(rows)
        self.tally["uncompared"] += int((fresh & ~compared).sum())
        kept = fresh & compared
        if kept.any():
            for (bucket, place), counts in tabulate(rows.filter(pa.array(kept)), stamps[kept]):
                self._buckets.setdefault(bucket, {}).setdefault(place, Answers()).add(counts)
                self._dirty.add((bucket, place))

    def emit(self, position: Position, now_us: int) -> Iterator[Outgoing]:
        """Minutes that are over, then how far the partition has been read; once a second."""
        if 0 <= now_us - self._emitted_at < EMIT_EVERY_US:
            return
        self._emitted_at = now_us
        through = position.ingest_us
        over = through // BUCKET_US
        for bucket, place in sorted(at for at in self._dirty if at[0] < over):
            self._dirty.discard((bucket, place))
            made = partials.cell(
                place,
                bucket,
                self._buckets[bucket][place],
                generation=position.generation,
                partition=self._partition,
                last_offset=self._last_offset,
                ingest_ts=through,
            )
            yield Outgoing(topic=DRIFT_PARTIALS, record=made)
        for bucket in [at for at in self._buckets if (at + 1) * BUCKET_US <= through - KEPT_US]:
            del self._buckets[bucket]
        yield from self._progress(position, through)

    def snapshot(self) -> bytes:
        """State as one JSON value and what is known of the devices beside it."""
        blobs = Blobs()
        state = {
            "sequences": blobs.put_all(self._sequences.packed()),
            "buckets": [
                [bucket, place, counts.state(), (bucket, place) in self._dirty]
                for bucket, places in self._buckets.items()
                for place, counts in places.items()
            ],
            "last_offset": self._last_offset,
            "tally": self.tally,
        }
        return blobs.pack(state)

    def restore(self, snapshot: bytes) -> None:
        """Take the state of `snapshot()`."""
        reading = Reading(snapshot)
        state: dict[str, Any] = reading.value
        self._sequences = DeviceSequences.unpacked(reading.get_all(state["sequences"]))
        for bucket, place, counts, dirty in state["buckets"]:
            self._buckets.setdefault(bucket, {})[Place(*place)] = partials.answers(counts)
            if dirty:
                self._dirty.add((bucket, Place(*place)))
        self._last_offset, self.tally = state["last_offset"], state["tally"]

    def _progress(self, position: Position, through: int) -> Iterator[Outgoing]:
        told = (position.applied_through, through)
        if told == self._told or not through:
            return
        self._told = told
        for target in range(DRIFT_PARTIALS.partitions):
            made = partials.progress(
                generation=position.generation,
                partition=self._partition,
                last_offset=position.applied_through,
                ingest_ts=through,
                target=target,
            )
            yield Outgoing(topic=DRIFT_PARTIALS, record=made, partition=target)
