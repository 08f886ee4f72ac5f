"""Stage one over inference-events: devices judged by latency, heard of by arm, and distance."""

import math
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from streams.blobs import Blobs, Reading
from streams.processor import LogBatch
from streams.rollout.arms import ArmCounts, Heard, Openings
from streams.rollout.calendar_windows import Calendar
from streams.rollout.cells import CellCounts, CellKey, Cells
from streams.rollout.policy import Policy
from streams.rollout.proposals import Proposals
from streams.rollout.retirement import Retired
from streams.rollout.shadow_counts import ShadowCounts, Shadows
from streams.rollout.streaks import Mask, Streaks
from streams.rollout.window_cells import WindowCells
from streams.sequences import DeviceSequences
from streams.turns import Ints


class WindowFold:
    """Folds one partition of inference-events.

    A reporting window is over when more than `slo_share` of the frames to judge were late or
    missing; devices are judged by streaks of them. Windows of a release nobody proposed are
    nobody's.

    Args:
        policy: What counts as over, and the calendar of the distances.
        proposals: Every release proposed so far, at least up to the newest record of the batch.
        openings: Waves opened so far, likewise; shadows: shadows begun so far.
        snapshot: State to go on from.
        retired_us: When releases became history, likewise: their devices are judged no more, and
            their distances still count, since the way back may lead to one.

    Attributes:
        windows: Distance by calendar window, in millimetres: whole, so that order changes no sum.
    """

    def __init__(
        self,
        policy: Policy,
        proposals: Proposals,
        openings: Openings,
        shadows: Shadows,
        snapshot: bytes | None = None,
        retired_us: Retired = lambda _: None,
    ) -> None:
        self._policy = policy
        self._proposals, self._retired_us = proposals, retired_us
        self._sequences = DeviceSequences()
        self.windows = WindowCells(Calendar.of(policy))
        self.arms = ArmCounts(openings)
        self.high_us = 0
        self._streaks = Streaks(policy)
        self.cells = Cells()
        self._shadows = ShadowCounts(policy, shadows, self.cells)
        self.watermark_us = 0
        if snapshot is not None:
            self._restore(Reading(snapshot))

    def apply(self, batch: LogBatch) -> None:
        """Include the next stretch of the partition."""
        rows = batch.rows
        if rows.num_rows:
            devices = self._heard(rows, batch.stamps_us)
            fresh = self._sequences.fresh(rows.column("device_id"), rows.column("event_id"))
            ours = np.flatnonzero(np.asarray(rows.column("release_id").is_valid()) & fresh)
            highest = np.maximum.accumulate(np.maximum(batch.stamps_us, self.high_us))
            told = _Windows(rows, devices, batch.stamps_us, highest).only(ours)
            self._count(told)
            self._shadows.count(told.rows, told.devices, told.stamps_us)
            stamped = min(int(np.max(rows.column("window_end"))), batch.high_stamp_us)
            self.watermark_us = max(self.watermark_us, stamped)
            self._streaks.drop_retired(self._retired_us, batch.high_stamp_us)
            self._shadows.drop_retired(self._retired_us, batch.high_stamp_us)
        self.high_us = max(self.high_us, batch.high_stamp_us)

    def advance(self, now_us: int) -> None:
        """Windows fall due by nothing but their records."""

    def snapshot(self) -> bytes:
        """State: the columns as they are, the rest as JSON."""
        blobs = Blobs()
        state = {
            "sequences": blobs.put_all(self._sequences.packed()),
            "streaks": self._streaks.state(blobs),
            "shadows": self._shadows.state(blobs),
            "cells": self.cells.state(),
            "windows": self.windows.state(),
            "arms": self.arms.state(blobs),
            "high_us": self.high_us,
            "watermark_us": self.watermark_us,
        }
        return blobs.pack(state)

    def _restore(self, reading: Reading) -> None:
        state: dict[str, Any] = reading.value
        self._sequences = DeviceSequences.unpacked(reading.get_all(state["sequences"]))
        self._streaks.restore(state["streaks"], reading)
        self.cells = Cells.from_state(state["cells"])
        self._shadows.restore(state["shadows"], reading, self.cells)
        self.windows.restore(state["windows"])
        self.arms.restore(state["arms"], reading)
        self.high_us = state["high_us"]
        self.watermark_us = state["watermark_us"]

    def _heard(self, rows: pa.RecordBatch, stamps_us: Ints) -> Ints:
        """Take note of who reports, whatever it runs; numbers of devices, in log order of each."""
        before, devices = len(self._sequences), rows.column("device_id")
        numbers = self._sequences.rows(devices)
        highest = np.maximum.accumulate(numbers)
        heard_before = np.maximum(np.concatenate(([before], highest[:-1] + 1)), before)
        told = Heard(numbers, heard_before, stamps_us)
        hardware = pc.dictionary_encode(rows.column("hardware"))
        codes = hardware.indices.to_numpy()
        for code, stratum in sorted(
            enumerate(hardware.dictionary.to_pylist()), key=lambda it: it[1]
        ):
            at = np.flatnonzero(codes == code)
            self.arms.count(stratum, devices.take(pa.array(at)), told.only(at))
        return numbers

    def _count(self, told: "_Windows") -> None:
        """Count the windows of each release that is known, by stratum."""
        releases = pc.dictionary_encode(told.rows.column("release_id"))
        strata = pc.dictionary_encode(told.rows.column("hardware"))
        names = strata.dictionary.to_pylist()
        codes = strata.indices.to_numpy()
        for number, release_id in enumerate(releases.dictionary.to_pylist()):
            open_us = np.array([self._open_from(release_id, name) for name in names])
            mine = releases.indices.to_numpy() == number
            at = np.flatnonzero(mine & (told.stamps_us >= open_us[codes]))
            if at.size:
                self._count_release(release_id, told.only(at), codes[at], names)

    def _count_release(
        self, release_id: str, told: "_Windows", codes: Ints, names: list[str]
    ) -> None:
        judged, over = told.judged(self._policy.slo_share)
        if (retired_us := self._retired_us(release_id)) is not None:
            judged &= told.stamps_us < retired_us
        changes = self._streaks.judge(release_id, told.devices[judged], over[judged])
        for code in np.unique(codes).tolist():
            key, at = (release_id, names[code]), codes == code
            cell, verdicts = self.cells.touch(key), at[judged]
            cell.windows_judged += int(np.count_nonzero(verdicts))
            cell.windows_over += int(np.count_nonzero(over & judged & at))
            cell.accepted += int(changes.judged[verdicts].sum())
            cell.committed += int(changes.passed[verdicts].sum())
            cell.failed += int(changes.failed[verdicts].sum())
            self._drove(key, cell, told.only(np.flatnonzero(at)))

    def _drove(self, key: CellKey, cell: CellCounts, told: "_Windows") -> None:
        """Add distances one after the other: how the log was cut into batches changes no sum."""
        metres = told.rows.column("distance_m").to_numpy(zero_copy_only=False)
        driven = np.flatnonzero(metres > 0)
        if not driven.size:
            return
        cell.exposure_m = float(np.add.accumulate([cell.exposure_m, *metres[driven]])[-1])
        began_us = told.rows.column("window_start").to_numpy(zero_copy_only=False).astype(np.int64)
        millimetres = np.rint(metres[driven] * 1_000).astype(np.int64)
        self.windows.add_all(key, began_us[driven], told.highest_us[driven], millimetres)

    def _open_from(self, release_id: str, hardware: str) -> float:
        """Stamp from which windows of the release count in the stratum; never: infinity."""
        known = self._proposals(release_id)
        if known is None or hardware not in known.record.strata:
            return math.inf
        return known.stamp_us


class _Windows(NamedTuple):
    """Reporting windows in log order.

    Attributes:
        devices: Number of each one's device.
        stamps_us: Broker's stamps. highest_us: The partition's highest up to each.
    """

    rows: pa.RecordBatch
    devices: Ints
    stamps_us: Ints
    highest_us: Ints

    def only(self, at: Ints) -> "_Windows":
        """Some of them."""
        rows = self.rows if len(at) == self.rows.num_rows else self.rows.take(pa.array(at))
        return _Windows(rows, self.devices[at], self.stamps_us[at], self.highest_us[at])

    def judged(self, share: float) -> tuple[Mask, Mask]:
        """Which have frames to judge, and of which more than a share were late or missing."""
        expected, produced, warmup, late = (
            self.rows.column(name).to_numpy(zero_copy_only=False).astype(np.int64)
            for name in ("expected", "produced", "warmup", "late")
        )
        total = expected - warmup
        return total > 0, late + expected - produced > share * total
