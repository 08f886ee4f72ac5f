"""A stratum while a release goes through it: who was offered it when, and what is known by now."""

import math
from bisect import bisect_right

import numpy as np

from streams.rollout.simulation.counts import Counts, Group
from streams.rollout.simulation.delay import Floats
from streams.rollout.simulation.fleet import Devices


class Wave:
    """Devices that were offered the release together: sorted times of what each will say."""

    def __init__(self, devices: Devices, rows: slice, opened_s: float) -> None:
        accepted = opened_s + devices.accepts_s[rows]
        self.opened_s, self.targets = opened_s, len(accepted)
        self.failing = _sorted(accepted[devices.fails[rows]])
        regressed = devices.fails_s[rows] + np.where(
            devices.commits_s[rows] < math.inf, 0, math.inf
        )
        self._accepted = _sorted(accepted)
        self._times = [
            _sorted(accepted + column[rows])
            for column in (
                devices.commits_s,
                devices.fails_s,
                devices.silent_s,
                devices.reports_s,
                devices.passes_s,
                devices.late_s,
            )
        ]
        self._regressed = _sorted(accepted + regressed)

    def at(self, now_s: float) -> Group:
        """What is known of them."""
        commits, failed, silent, reports, passes, late = (_by(t, now_s) for t in self._times)
        regressed = _by(self._regressed, now_s)
        return Group(
            targets=self.targets,
            opened_s=self.opened_s,
            updates=Counts(
                _by(self._accepted, now_s), commits - regressed, failed, silent, regressed
            ),
            latency=Counts(reports, passes, late),
        )


class Exposure:
    """One stratum.

    Attributes:
        stopped_s: When it was held or ordered back; infinite: it was not.
    """

    def __init__(self, devices: Devices) -> None:
        self._devices = devices
        self.share, self.stopped_s = 0.0, math.inf
        self.waves: list[Wave] = []

    def widen(self, share: float, now_s: float) -> None:
        """Offer the release to the next devices in cohort order."""
        total = len(self._devices.fails)
        rows = slice(round(self.share * total), round(share * total))
        self.waves.append(Wave(self._devices, rows, now_s))
        self.share = share

    def groups(self, now_s: float) -> list[Group]:
        """What is known of each wave."""
        return [wave.at(now_s) for wave in self.waves]

    def exposed(self, until_s: float) -> int:
        """Devices that accepted until then and for which the release is bad."""
        return sum(_by(wave.failing, until_s) for wave in self.waves)


def _sorted(times: Floats) -> list[float]:
    """A list: one look into it is ten times cheaper than into an array, and there are millions."""
    found: list[float] = np.sort(times).tolist()
    return found


def _by(times: list[float], now_s: float) -> int:
    return bisect_right(times, now_s)
