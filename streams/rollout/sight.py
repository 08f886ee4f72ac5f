"""What stage two can see: how far its sources keep up, and when devices were last heard of."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from streams.heard_clock import HeardClock
from streams.processor import Source
from streams.rollout.cells import CellKey

LAG_S: Final = 300.0
"""A source that is so far behind the others, for so long, is one the gate does not see."""
_LAG_US: Final = round(LAG_S * 1e6)
STALE_WINDOWS: Final = 2
"""Calendar windows without a report after which nobody sees what a release does."""


class Unseen(NamedTuple):
    """What the gate does not see of a stratum, for how long, and how long it may be."""

    told: str
    age_s: float
    limit_s: float

    def figures(self) -> Mapping[str, float]:
        """As numbers by name, for the record of a decision."""
        return {"unseen.age_s": self.age_s, "unseen.limit_s": self.limit_s}


class Sight:
    """Told by the records of one partition of rollout-partials, in their order.

    A source keeps up when it tells of a time not LAG_S before the newest that any tells of. How
    long one has not is measured in time that stage two lived through: after an outage of them all
    each has as long again to catch up.

    Args:
        sources: Partitions that are counted.
    """

    def __init__(self, sources: Iterable[Source]) -> None:
        self._names = {source: f"{source[0]}/{source[1]}" for source in sources}
        self._clock = HeardClock()
        self._running: dict[CellKey, int] = {}
        self._heard: dict[CellKey, int] = {}

    def progress(self, source: Source, ingest_us: int) -> None:
        """A source was read up to an ingest time."""
        began = self._clock.stamp_us == 0
        self._clock.move(ingest_us)
        if began:
            for name in self._names.values():
                self._clock.hear(name)
        if source in self._names and self._clock.stamp_us - ingest_us <= _LAG_US:
            self._clock.hear(self._names[source])

    def committed(self, key: CellKey, ingest_us: int) -> None:
        """Devices of a stratum are known to run a release."""
        self._running.setdefault(key, ingest_us)

    def reported(self, key: CellKey, ingest_us: int) -> None:
        """Devices of a stratum that run a release reported."""
        self._heard[key] = max(self._heard.get(key, 0), ingest_us)

    def lag(self) -> Unseen | None:
        """The source that has not kept up for too long; None: all do."""
        late = ((self._clock.unheard_us(name), name) for name in self._names.values())
        longest_us, name = max(late, default=(0, ""))
        if longest_us <= _LAG_US:
            return None
        told = f"{name} was not read for {longest_us / 1e6:.0f} s while others were"
        return Unseen(told, longest_us / 1e6, LAG_S)

    def reported_us(self, key: CellKey) -> int | None:
        """Ingest time from which devices of a stratum are silent about a release they run.

        None: none is known to run it.
        """
        running_us = self._running.get(key)
        return None if running_us is None else max(running_us, self._heard.get(key, 0))

    def state(self) -> dict[str, Any]:
        """State as JSON values."""
        return {
            "clock": self._clock.state(),
            "running": [[*key, us] for key, us in self._running.items()],
            "heard": [[*key, us] for key, us in self._heard.items()],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` gave."""
        self._clock.load(state["clock"])
        self._running = {(release, stratum): us for release, stratum, us in state["running"]}
        self._heard = {(release, stratum): us for release, stratum, us in state["heard"]}
