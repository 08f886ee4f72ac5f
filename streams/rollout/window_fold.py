"""Stage one over inference-events: devices judged by latency, heard of by arm, and distance."""

import base64
import json
import math
from array import array
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from streams.processor import LogBatch
from streams.rollout.arms import ArmCounts, Heard, Openings
from streams.rollout.attempts import MAX_DEVICES, DeviceLimitError
from streams.rollout.calendar_windows import Calendar
from streams.rollout.cells import CellCounts, CellKey, Cells
from streams.rollout.policy import Policy
from streams.rollout.proposals import Proposals
from streams.rollout.window_cells import WindowCells
from streams.sequences import DeviceSequences

_FAILED: Final = 255
_MOST_JUDGED: Final = 65_535


class WindowFold:
    """Folds one partition of inference-events.

    A reporting window is over when more than `slo_share` of the frames to judge were late or
    missing. A device fails for good with `windows_over` such windows in a row and passes while
    it has `windows_judged` without. Devices are counted, not windows: the windows of one device
    are not independent. Windows of a release nobody proposed are nobody's.

    Args:
        policy: What counts as over, and the calendar of the distances.
        proposals: Every release proposed so far, at least up to the newest record of the batch.
        openings: Waves opened so far, likewise.
        snapshot: State to go on from.

    Attributes:
        windows: Distance by calendar window, in millimetres: whole, so that order changes no sum.
    """

    def __init__(
        self,
        policy: Policy,
        proposals: Proposals,
        openings: Openings,
        snapshot: bytes | None = None,
    ) -> None:
        self._policy = policy
        self._proposals = proposals
        self._sequences = DeviceSequences()
        self.windows = WindowCells(Calendar.of(policy))
        self.arms = ArmCounts(openings)
        self.high_us = 0
        self._devices: dict[tuple[str, str], int] = {}
        self._judged = array("H")
        self._streak = array("B")
        self.cells = Cells()
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
            self._count(rows.filter(pa.array(ours)), batch.stamps_us[ours], highest[ours])
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
                "devices": list(self._devices),
                "judged": base64.b64encode(self._judged.tobytes()).decode(),
                "streak": base64.b64encode(self._streak.tobytes()).decode(),
                "cells": self.cells.state(),
                "windows": self.windows.state(),
                "arms": self.arms.state(),
                "high_us": self.high_us,
                "watermark_us": self.watermark_us,
            }
        ).encode()

    def _restore(self, state: dict[str, Any]) -> None:
        self._sequences = DeviceSequences.restore(base64.b64decode(state["sequences"]))
        self._devices = {
            (release, device): at for at, (release, device) in enumerate(state["devices"])
        }
        self._judged.frombytes(base64.b64decode(state["judged"]))
        self._streak.frombytes(base64.b64decode(state["streak"]))
        self.cells = Cells.from_state(state["cells"])
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
                self._judge(cell, self._row(release_id, device_id), is_over)

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

    def _judge(self, cell: CellCounts, row: int, is_over: bool) -> None:
        cell.windows_judged += 1
        cell.windows_over += is_over
        if self._streak[row] == _FAILED:
            return
        passed = self._judged[row] >= self._policy.windows_judged
        if self._judged[row] == 0:
            cell.accepted += 1
        self._judged[row] = min(self._judged[row] + 1, _MOST_JUDGED)
        self._streak[row] = self._streak[row] + 1 if is_over else 0
        if self._streak[row] >= self._policy.windows_over:
            self._streak[row] = _FAILED
            cell.failed += 1
            cell.committed -= passed
        elif not passed and self._judged[row] >= self._policy.windows_judged:
            cell.committed += 1

    def _row(self, release_id: str, device_id: str) -> int:
        row = self._devices.get((release_id, device_id))
        if row is None:
            row = len(self._devices)
            if row >= MAX_DEVICES:
                raise DeviceLimitError(
                    f"rollout: device {device_id} is one more than MAX_DEVICES={MAX_DEVICES} "
                    "judged in one partition; give the device topics more partitions"
                )
            self._devices[release_id, device_id] = row
            self._judged.append(0)
            self._streak.append(0)
        return row
