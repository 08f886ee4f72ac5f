"""Stage one: the fold of one partition of inference-events, and what it hands on."""

import logging
import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.records import SloPartial
from schemas.topics import SLO_PARTIALS
from streams.blobs import Blobs, Reading
from streams.processor import LogBatch, Outgoing, Position
from streams.sequences import DeviceSequences
from streams.slo import judging, partials
from streams.slo.cells import Cells, too_old
from streams.slo.objectives import Slo

EMIT_EVERY_US: Final = 1_000_000
EMIT_EDGE_AFTER_US: Final = 100_000
MAX_FOREIGN_DEADLINES: Final = 64
MAX_WAITING: Final = 20_000

_Waiting = tuple[pa.RecordBatch, judging.Ints, judging.Ints]
"""Windows, their event times and where the watermark stood before each of them."""

log = logging.getLogger(__name__)


class CountingFold:
    """Counts the reporting windows of one partition by SLO, key and bucket of event time.

    An SLO judges the windows that were reported against its own threshold as deadline; windows
    of any other deadline are counted as uncovered and told once in the log. Windows wait to be
    judged until there is something to tell, at most 20,000: a judgement costs by key what it costs
    by window, so that few large ones cost less than many small ones.

    Attributes:
        tally: Windows so far that were `clamped` (their end was more than two minutes ahead of
            the broker), `late` (behind the watermark, counted all the same), `too_old` (six hours
            behind it, left out), `duplicate` (left out) or `uncovered` (no SLO has their deadline
            as its threshold).
    """

    def __init__(self, slos: Sequence[Slo], partition: int) -> None:
        self._slos = slos
        self._partition = partition
        self._lateness_us = max(slo.lateness_us for slo in slos)
        self._sequences = DeviceSequences()
        self._cells = Cells(slos)
        self._newest_us = 0
        self._last_offset = -1
        self._high_stamp_us = 0
        self._foreign: set[int] = set()
        self._waiting: list[_Waiting] = []
        self._edges_us = math.gcd(*(slo.bucket_us for slo in slos))
        self._emitted_at = self._emitted_edge = 0
        self._progress_told = (-1, 0)
        self.tally = dict.fromkeys(("clamped", "late", "too_old", "duplicate", "uncovered"), 0)

    @property
    def overflowed(self) -> int:
        """Events counted under the overflow key."""
        return self._cells.overflowed

    @property
    def watermark_us(self) -> int:
        """No earlier event time is expected from this partition."""
        return max(0, self._newest_us - self._lateness_us)

    def apply(self, batch: LogBatch) -> None:
        """Count the next stretch of the partition."""
        rows, stamps = batch.rows, batch.stamps_us
        if rows.num_rows:
            fresh = self._sequences.fresh(rows.column("device_id"), rows.column("event_id"))
            if not fresh.all():
                self.tally["duplicate"] += int((~fresh).sum())
                rows, stamps = rows.filter(pa.array(fresh)), stamps[fresh]
        if rows.num_rows:
            self._count(rows, stamps)
        self._last_offset = batch.last_offset
        self._high_stamp_us = max(self._high_stamp_us, batch.high_stamp_us)

    def emit(self, position: Position, now_us: int) -> Iterator[Outgoing]:
        """Cells that changed and how far the partition has been read.

        Once a second, and within a tenth of one when the watermark has passed the end of a bucket:
        a page waits for that.
        """
        edge = (self.watermark_us - 1) // self._edges_us
        every = EMIT_EVERY_US if edge == self._emitted_edge else EMIT_EDGE_AFTER_US
        if 0 <= now_us - self._emitted_at < every:
            return  # a clock that was set back holds nothing up
        self._emitted_at, self._emitted_edge = now_us, edge
        self._judge()
        for slo, count in self._cells.hand_on(self.watermark_us):
            yield Outgoing(topic=SLO_PARTIALS, record=self._cell(slo, count, position.generation))
        yield from self._progress(position)

    def snapshot(self) -> bytes:
        """State as one JSON value and the cells beside it, packed."""
        self._judge()
        blobs = Blobs()
        state = {
            "sequences": blobs.put_all(self._sequences.packed()),
            "cells": self._cells.state(blobs),
            "newest_us": self._newest_us,
            "last_offset": self._last_offset,
            "high_stamp_us": self._high_stamp_us,
            "tally": self.tally,
            "overflowed": self._cells.overflowed,
        }
        return blobs.pack(state)

    def restore(self, snapshot: bytes) -> None:
        """Take the state of `snapshot()`; what it had handed on by then is on the log."""
        reading = Reading(snapshot)
        state: dict[str, Any] = reading.value
        self._sequences = DeviceSequences.unpacked(reading.get_all(state["sequences"]))
        self._cells.load(state["cells"], reading)
        self._newest_us = state["newest_us"]
        self._last_offset = state["last_offset"]
        self._high_stamp_us = state["high_stamp_us"]
        self.tally = state["tally"]
        self._cells.overflowed = state["overflowed"]

    def _count(self, rows: pa.RecordBatch, stamps: judging.Ints) -> None:
        times, clamped = judging.event_times(rows, stamps)
        self.tally["clamped"] += int(clamped.sum())
        watermarks = self._move(times, stamps)
        self.tally["late"] += int((times < watermarks).sum())
        judged = pc.greater(rows.column("expected"), rows.column("warmup"))
        if not pc.all(judged).as_py():  # nothing was due in them: the canary, or all warm-up
            kept = judged.to_numpy(zero_copy_only=False)
            rows, times, watermarks = rows.filter(judged), times[kept], watermarks[kept]
        self._waiting.append((rows, times, watermarks))
        if sum(part.num_rows for part, *_ in self._waiting) >= MAX_WAITING:
            self._judge()

    def _judge(self) -> None:
        """Count the windows that wait."""
        if not self._waiting:
            return
        parts, self._waiting = self._waiting, []
        rows = pa.concat_batches([rows for rows, _, _ in parts])
        times = np.concatenate([times for _, times, _ in parts])
        watermarks = np.concatenate([watermarks for _, _, watermarks in parts])
        deadlines = rows.column("deadline_us").to_numpy(zero_copy_only=False)
        covered = np.zeros(len(deadlines), dtype=np.bool_)
        for slo in self._slos:
            mine = deadlines == slo.threshold_us
            covered |= mine
            old = mine & too_old(judging.bucket_of(times, slo), slo, watermarks)
            self.tally["too_old"] += int(old.sum())
            mine &= ~old
            if mine.all():
                counts = judging.judge(rows, times, slo)
            else:
                counts = judging.judge(rows.filter(pa.array(mine)), times[mine], slo)
            self._cells.add(slo, counts)
        if not covered.all():
            self._tell_uncovered(deadlines[~covered])

    def _move(self, times: judging.Ints, stamps: judging.Ints) -> judging.Ints:
        """Move the watermark past a batch; where it stood before each row, however split."""
        # A clock that is ahead must not make everybody else late.
        seen = np.minimum(times, stamps)
        newest = np.maximum.accumulate(np.concatenate(([self._newest_us], seen)))
        self._newest_us = int(newest[-1])
        watermarks: judging.Ints = np.maximum(newest[:-1] - self._lateness_us, 0)
        return watermarks

    def _tell_uncovered(self, deadlines: judging.Ints) -> None:
        self.tally["uncovered"] += len(deadlines)
        for deadline in np.unique(deadlines).tolist():
            if deadline in self._foreign or len(self._foreign) >= MAX_FOREIGN_DEADLINES:
                continue
            self._foreign.add(deadline)
            log.warning(
                "no SLO covers deadline_us=%d (partition %d): its windows are not judged; "
                "write an SLO with that value",
                deadline,
                self._partition,
            )

    def _cell(self, slo: Slo, count: judging.CellCount, generation: str) -> SloPartial:
        return partials.cell(
            count,
            slo,
            generation=generation,
            partition=self._partition,
            last_offset=self._last_offset,
            ingest_ts=self._high_stamp_us,
            watermark=self.watermark_us,
        )

    def _progress(self, position: Position) -> Iterator[Outgoing]:
        ingest, watermark = position.ingest_us, self.watermark_us
        if ingest > position.high_stamp_us:  # nothing waits to be read: time goes on without it
            watermark = max(watermark, ingest - self._lateness_us)
        told = (position.applied_through, ingest)
        if told == self._progress_told or ingest == 0:
            return
        self._progress_told = told
        for target in range(SLO_PARTIALS.partitions):
            yield Outgoing(
                topic=SLO_PARTIALS,
                record=partials.progress(
                    generation=position.generation,
                    partition=self._partition,
                    last_offset=position.applied_through,
                    ingest_ts=ingest,
                    watermark=watermark,
                    target=target,
                ),
                partition=target,
            )
