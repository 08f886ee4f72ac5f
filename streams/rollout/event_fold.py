"""Stage one over disengagements and edge cases: how often they happen, by release and stratum."""

from typing import Any, Final

import numpy as np

from schemas.topics import DISENGAGEMENTS, EDGE_CASES
from streams.blobs import Blobs, Reading
from streams.processor import LogBatch
from streams.rollout.calendar_windows import Calendar
from streams.rollout.cells import Cells
from streams.rollout.policy import Policy
from streams.rollout.proposals import Proposals, objection
from streams.rollout.window_cells import WindowCells
from streams.sequences import DeviceSequences

MAX_EVENTFUL: Final = 2_000_000
"""Devices times open windows with an event that one partition keeps."""
_TIMES: Final = {DISENGAGEMENTS.name: "event_ts", EDGE_CASES.name: "captured_ts"}
"""The field that says when an event happened."""


class EventLimitError(RuntimeError):
    """More devices with events than a fold may keep; the message names the limit."""


class EventFold:
    """Folds one partition of a topic of events; those of a release nobody proposed are nobody's.

    In the windows a device counts once for each release: one that has a bad day is one event, not
    a hundred, as far as a day goes.
    """

    def __init__(
        self,
        policy: Policy,
        topic: str,
        proposals: Proposals,
        snapshot: bytes | None = None,
    ) -> None:
        self._proposals = proposals
        self._time = _TIMES[topic]
        self._sequences = DeviceSequences()
        self._calendar = Calendar.of(policy)
        self._eventful: dict[int, set[tuple[str, str]]] = {}
        self._told = 0
        self.cells = Cells()
        self.windows = WindowCells(self._calendar)
        self.high_us = 0
        self.watermark_us = 0
        if snapshot is not None:
            self._restore(Reading(snapshot))

    def apply(self, batch: LogBatch) -> None:
        """Include the next stretch of the partition."""
        rows = batch.rows
        if rows.num_rows:
            fresh = self._sequences.fresh(rows.column("device_id"), rows.column("event_id"))
            for release_id, stratum, device_id, at_us, stamp, new in zip(
                rows.column("release_id").to_pylist(),
                rows.column("hardware").to_pylist(),
                rows.column("device_id").to_pylist(),
                rows.column(self._time).to_pylist(),
                batch.stamps_us.tolist(),
                fresh.tolist(),
                strict=True,
            ):
                self.high_us = max(self.high_us, stamp)
                if new and release_id is not None:
                    self._include(release_id, stratum, device_id, at_us, stamp)
            stamped = min(int(np.max(rows.column(self._time))), batch.high_stamp_us)
            self.watermark_us = max(self.watermark_us, stamped)
        self.high_us = max(self.high_us, batch.high_stamp_us)
        for start in [at for at in self._eventful if self._calendar.closed(at, self.high_us)]:
            self._told -= len(self._eventful.pop(start))

    def advance(self, now_us: int) -> None:
        """Events fall due by nothing but their records."""

    def snapshot(self) -> bytes:
        """State: the sequences as columns, the rest as JSON."""
        blobs = Blobs()
        state = {
            "sequences": blobs.put_all(self._sequences.packed()),
            "cells": self.cells.state(),
            "windows": self.windows.state(),
            "eventful": [[at, sorted(told)] for at, told in sorted(self._eventful.items())],
            "high_us": self.high_us,
            "watermark_us": self.watermark_us,
        }
        return blobs.pack(state)

    def _include(
        self, release_id: str, stratum: str, device_id: str, at_us: int, stamp_us: int
    ) -> None:
        if objection(self._proposals(release_id), release_id, stratum, stamp_us) is not None:
            return
        key = (release_id, stratum)
        self.cells.touch(key).events += 1
        start = self.windows.window(at_us, self.high_us)
        if start is None:
            return
        told = self._eventful.setdefault(start, set())
        if (release_id, device_id) in told:
            return
        if self._told >= MAX_EVENTFUL:
            raise EventLimitError(
                f"rollout: device {device_id} is one more than MAX_EVENTFUL={MAX_EVENTFUL} with "
                "events in open windows of one partition; give the device topics more partitions"
            )
        told.add((release_id, device_id))
        self._told += 1
        self.windows.add(key, start, 1)

    def _restore(self, reading: Reading) -> None:
        state: dict[str, Any] = reading.value
        self._sequences = DeviceSequences.unpacked(reading.get_all(state["sequences"]))
        self.cells = Cells.from_state(state["cells"])
        self.windows.restore(state["windows"])
        self._eventful = {at: {(r, d) for r, d in told} for at, told in state["eventful"]}
        self._told = sum(map(len, self._eventful.values()))
        self.high_us = state["high_us"]
        self.watermark_us = state["watermark_us"]
