"""How much memory a process and all that it started hold, sampled in a thread.

Two sums: RSS is what tools show, and counts a page that two processes share twice; PSS shares
it out, so it is what the machine really gives. Both are read, since PSS (smaps_rollup, Linux
only) costs well under a millisecond a process. Where there is no PSS, RSS stands in for it.
"""

import threading
from dataclasses import dataclass
from typing import Final

import psutil

_MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ProcessMemory:
    """One process now, in MiB."""

    pid: int
    name: str
    rss_mb: float
    pss_mb: float


def tree(root: psutil.Process | None = None) -> list[ProcessMemory]:
    """A process (default: this one) and all its descendants that are still there."""
    top = root or psutil.Process()
    found = (_measure(process) for process in (top, *top.children(recursive=True)))
    return [one for one in found if one is not None]


class MemorySampler:
    """Keeps the highest sums seen of this process and its descendants.

    Args:
        interval_s: Seconds between two samples; a peak shorter than that may be missed.
    """

    def __init__(self, interval_s: float = 0.5) -> None:
        self.peak_rss_mb = 0.0
        self.peak_pss_mb = 0.0
        self._interval_s = interval_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fleetloop-memory", daemon=True)

    def start(self) -> None:
        """Begin to sample."""
        self.sample()
        self._thread.start()

    def stop(self) -> None:
        """Sample a last time and end."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self.sample()

    def sample(self) -> list[ProcessMemory]:
        """Measure now, and raise the peaks by it."""
        now = tree()
        self.peak_rss_mb = max(self.peak_rss_mb, sum(one.rss_mb for one in now))
        self.peak_pss_mb = max(self.peak_pss_mb, sum(one.pss_mb for one in now))
        return now

    def _run(self) -> None:
        while not self._stop.wait(self._interval_s):
            self.sample()


def _measure(process: psutil.Process) -> ProcessMemory | None:
    """None for a process that ended meanwhile or is not ours to look into."""
    try:
        with process.oneshot():
            rss = process.memory_info().rss / _MIB
            pss = getattr(process.memory_full_info(), "pss", None)
            name = process.name()
    except psutil.Error:
        return None
    return ProcessMemory(process.pid, name, rss, rss if pss is None else pss / _MIB)
