"""When it becomes known what each device does: by tick of the simulation, once for all gates."""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt

from streams.rollout.simulation.fleet import Devices

Ticks = npt.NDArray[np.unsignedinteger]
Sums = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Reports:
    """One stratum in cohort order.

    Attributes:
        due: uint[9, n], ticks from the offer until each of a device's reports is known; `ticks`
            when it never is. Rows: accepted, committed, failed, silent, regressed; begins to
            report, passes by latency, is late; accepted and the release is bad for it.
        ticks: Of the whole simulation.
        tick_s: Seconds of one.
    """

    due: Ticks
    ticks: int
    tick_s: float
    _known: dict[tuple[int, int], Sums] = field(default_factory=dict, init=False, compare=False)

    @classmethod
    def of(cls, devices: Devices, tick_s: float, horizon_s: float) -> Self:
        """Count the ticks."""
        accepts, fails = devices.accepts_s, devices.fails_s
        times = np.stack(
            [
                accepts,
                accepts + devices.commits_s,
                accepts + fails,
                accepts + devices.silent_s,
                accepts + np.where(np.isfinite(devices.commits_s), fails, np.inf),
                accepts + devices.reports_s,
                accepts + devices.passes_s,
                accepts + devices.late_s,
                np.where(devices.fails, accepts, np.inf),
            ]
        )
        ticks = int(np.ceil(horizon_s / tick_s)) + 1
        due = np.minimum(np.ceil(times / tick_s), ticks).astype(np.min_scalar_type(ticks))
        return cls(due, ticks, tick_s)

    def __len__(self) -> int:
        """Devices."""
        return int(self.due.shape[1])

    def known(self, rows: slice) -> Sums:
        """How many of some devices' reports are known: int32[lines, 9], a line a tick since offer.

        What is not told any more after the last line has not changed. Kept, since most gates open
        the same waves.
        """
        place = (rows.start, rows.stop)
        if (kept := self._known.get(place)) is not None:
            return kept
        told = [np.bincount(column, minlength=self.ticks + 1) for column in self.due[:, rows]]
        sums = np.cumsum(np.stack(told)[:, : self.ticks], axis=1)
        changes = np.flatnonzero(np.diff(sums).any(axis=0))
        last = int(changes[-1]) + 2 if len(changes) else 1
        self._known[place] = found = np.ascontiguousarray(sums[:, :last].T, dtype=np.int32)
        return found
