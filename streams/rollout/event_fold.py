"""Stage one over disengagements: how often autonomy ended, by release and stratum."""

import base64
import json
from typing import Any

import numpy as np

from schemas.sequences import DeviceSequences
from streams.processor import LogBatch
from streams.rollout.cells import Cells
from streams.rollout.proposals import Proposals, objection


class EventFold:
    """Folds one partition of disengagements; those of a release nobody proposed are nobody's."""

    def __init__(self, proposals: Proposals, snapshot: bytes | None = None) -> None:
        self._proposals = proposals
        self._sequences = DeviceSequences()
        self.cells = Cells()
        self.watermark_us = 0
        if snapshot is not None:
            self._restore(json.loads(snapshot))

    def apply(self, batch: LogBatch) -> None:
        """Include the next stretch of the partition."""
        rows = batch.rows
        if rows.num_rows:
            fresh = self._sequences.fresh(rows.column("device_id"), rows.column("event_id"))
            for release_id, stratum, stamp, new in zip(
                rows.column("release_id").to_pylist(),
                rows.column("hardware").to_pylist(),
                batch.stamps_us.tolist(),
                fresh.tolist(),
                strict=True,
            ):
                if new and release_id is not None:
                    self._include(release_id, stratum, stamp)
            stamped = min(int(np.max(rows.column("event_ts"))), batch.high_stamp_us)
            self.watermark_us = max(self.watermark_us, stamped)

    def advance(self, now_us: int) -> None:
        """Events fall due by nothing but their records."""

    def snapshot(self) -> bytes:
        """State as JSON."""
        return json.dumps(
            {
                "sequences": base64.b64encode(self._sequences.snapshot()).decode(),
                "cells": self.cells.state(),
                "watermark_us": self.watermark_us,
            }
        ).encode()

    def _include(self, release_id: str, stratum: str, stamp_us: int) -> None:
        if objection(self._proposals(release_id), release_id, stratum, stamp_us) is None:
            self.cells.touch((release_id, stratum)).events += 1

    def _restore(self, state: dict[str, Any]) -> None:
        self._sequences = DeviceSequences.restore(base64.b64decode(state["sequences"]))
        self.cells = Cells.from_state(state["cells"])
        self.watermark_us = state["watermark_us"]
