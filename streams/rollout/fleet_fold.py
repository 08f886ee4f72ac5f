"""Stage one over devices: how many there are of each hardware, which a rate is a share of."""

import json
from typing import Final

import numpy as np

from streams.distinct import Distinct
from streams.hashing import hashes
from streams.processor import LogBatch
from streams.rollout.cells import Cells

NO_RELEASE: Final = ""
"""Devices are of no release."""


class FleetFold:
    """Folds one partition of devices; who left the fleet is still counted, and is not many."""

    def __init__(self, snapshot: bytes | None = None) -> None:
        self._fleets: dict[str, Distinct] = {}
        self.cells = Cells()
        self.watermark_us = 0
        if snapshot is not None:
            self._restore(snapshot)

    def apply(self, batch: LogBatch) -> None:
        """Include the next stretch of the partition."""
        found = hashes(batch.rows.column("device_id"))
        hardware = np.asarray(batch.rows.column("hardware").to_pylist(), dtype=object)
        for stratum in sorted(set(hardware)):
            self._fleets.setdefault(stratum, Distinct()).add(found[hardware == stratum])
            self._publish(stratum)
        self.watermark_us = batch.high_stamp_us

    def advance(self, now_us: int) -> None:
        """Devices fall due by nothing but their records."""

    def snapshot(self) -> bytes:
        """State as JSON."""
        fleets = {stratum: fleet.state() for stratum, fleet in sorted(self._fleets.items())}
        return json.dumps({"fleets": fleets, "watermark_us": self.watermark_us}).encode()

    def _restore(self, snapshot: bytes) -> None:
        state = json.loads(snapshot)
        self.watermark_us = state["watermark_us"]
        for stratum, fleet in state["fleets"].items():
            self._fleets[stratum] = Distinct.restored(fleet)
            self._publish(stratum)

    def _publish(self, stratum: str) -> None:
        self.cells.put((NO_RELEASE, stratum), {"offered": self._fleets[stratum].count})
