"""Stage one over inference-events: devices judged by latency, heard of by arm, and distance."""

import base64
import json
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from streams.processor import LogBatch
from streams.rollout.arms import ArmCounts, Heard, Openings
from streams.rollout.calendar_windows import Calendar
from streams.rollout.cells import CellKey, Cells
from streams.rollout.policy import Policy
from streams.rollout.proposals import Proposals
from streams.rollout.shadow_counts import ShadowCounts, Shadows
from streams.rollout.streaks import Streaks
from streams.rollout.window_cells import WindowCells
from streams.sequences import DeviceSequences


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
    ) -> None:
        self._policy = policy
        self._proposals = proposals
        self._sequences = DeviceSequences()
        self.windows = WindowCells(Calendar.of(policy))
        self.arms = ArmCounts(openings)
        self.high_us = 0
        self._streaks = Streaks(policy)
        self.cells = Cells()
        self._shadows = ShadowCounts(policy, shadows, self.cells)
        self.watermark_us = 0
        if snapshot is not None:
            self._restore(json.loads(snapshot))

    def apply(self, batch: LogBatch) -> None:
        """Include the next stretch of the partition."""
        rows = batch.rows
        if rows.num_rows:
            self._heard(rows, batch.stamps_us)
            fresh = self._sequences.fresh(rows.column("device_id"), rows.column("event_id"))
            ours = np.asarray(rows.column("release_id").is_valid()) & fresh
            highest = np.maximum.accumulate(np.maximum(batch.stamps_us, self.high_us))
            told = rows.filter(pa.array(ours))
            self._count(told, batch.stamps_us[ours], highest[ours])
            self._shadows.count(told, batch.stamps_us[ours])
            stamped = min(int(np.max(rows.column("window_end"))), batch.high_stamp_us)
            self.watermark_us = max(self.watermark_us, stamped)
        self.high_us = max(self.high_us, batch.high_stamp_us)

    def advance(self, now_us: int) -> None:
        """Windows fall due by nothing but their records."""

    def snapshot(self) -> bytes:
        """State as JSON."""
        return json.dumps(
            {
                "sequences": base64.b64encode(self._sequences.snapshot()).decode(),
                "streaks": self._streaks.state(),
                "shadows": self._shadows.state(),
                "cells": self.cells.state(),
                "windows": self.windows.state(),
                "arms": self.arms.state(),
                "high_us": self.high_us,
                "watermark_us": self.watermark_us,
            }
        ).encode()

    def _restore(self, state: dict[str, Any]) -> None:
        self._sequences = DeviceSequences.restore(base64.b64decode(state["sequences"]))
        self._streaks.restore(state["streaks"])
        self.cells = Cells.from_state(state["cells"])
        self._shadows.restore(state["shadows"], self.cells)
        self.windows.restore(state["windows"])
        self.arms.restore(state["arms"])
        self.high_us = state["high_us"]
        self.watermark_us = state["watermark_us"]

    def _heard(self, rows: pa.RecordBatch, stamps_us: npt.NDArray[np.int64]) -> None:
        """Take note of who reports, whatever it runs; devices are numbered in log order."""
        before, devices = len(self._sequences), rows.column("device_id").to_pylist()
        numbers = self._sequences.rows(devices)
        highest = np.maximum.accumulate(numbers)
        heard_before = np.maximum(np.concatenate(([before], highest[:-1] + 1)), before)
        told = Heard(numbers, heard_before, stamps_us)
        hardware = np.asarray(rows.column("hardware").to_pylist(), dtype=object)
        for stratum in sorted(set(hardware)):
            at = np.flatnonzero(hardware == stratum)
            self.arms.count(stratum, [devices[place] for place in at.tolist()], told.only(at))

    def _count(
        self,
        rows: pa.RecordBatch,
        stamps_us: npt.NDArray[np.int64],
        highest_us: npt.NDArray[np.int64],
    ) -> None:
        numbers = {
            name: rows.column(name).to_numpy(zero_copy_only=False).astype(np.int64)
            for name in ("expected", "produced", "warmup", "late")
        }
        total = numbers["expected"] - numbers["warmup"]
        bad = numbers["late"] + numbers["expected"] - numbers["produced"]
        over = bad > self._policy.slo_share * total
        open_from: dict[CellKey, float] = {}
        for release_id, hardware, device_id, began, metres, stamp, high, judged, is_over in zip(
            rows.column("release_id").to_pylist(),
            rows.column("hardware").to_pylist(),
            rows.column("device_id").to_pylist(),
            rows.column("window_start").to_pylist(),
            rows.column("distance_m").to_pylist(),
            stamps_us.tolist(),
            highest_us.tolist(),
            (total > 0).tolist(),
            over.tolist(),
            strict=True,
        ):
            key = (release_id, hardware)
            if key not in open_from:
                open_from[key] = self._open_from(release_id, hardware)
            if stamp < open_from[key]:
                continue
            cell = self.cells.touch(key)
            if metres:
                cell.exposure_m += metres
                self._drove(key, began, high, metres)
            if judged:
                change = self._streaks.judge(release_id, device_id, is_over=is_over)
                cell.windows_judged += 1
                cell.windows_over += is_over
                cell.accepted += change.judged
                cell.committed += change.passed
                cell.failed += change.failed

    def _drove(self, key: CellKey, began_us: int, high_us: int, metres: float) -> None:
        start = self.windows.window(began_us, high_us)
        if start is not None:
            self.windows.add(key, start, round(metres * 1_000))

    def _open_from(self, release_id: str, hardware: str) -> float:
        """Stamp from which windows of the release count in the stratum; never: infinity."""
        known = self._proposals(release_id)
        if known is None or hardware not in known.record.strata:
            return math.inf
        return known.stamp_us
