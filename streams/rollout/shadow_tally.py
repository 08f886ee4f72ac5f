"""Stage two's counts of shadows, summed over source partitions, with the peak of each test."""

import math
from collections.abc import Iterable
from typing import Any, Final, NamedTuple, TypeAlias

from schemas.records import ShadowSlice
from streams.processor import Source
from streams.rollout.cells import CellKey
from streams.rollout.evidence import Counts, log_e_harm
from streams.rollout.policy import Policy

LATENCY: Final = "latency"
"""The test of the devices' latency; the others are named as their slices."""

Pairs: TypeAlias = dict[str, tuple[int, int]]
"""Seen and of these bad, by test: devices, or encounters of a slice."""


class ShadowCell(NamedTuple):
    """One source partition's counts; those with the highest place (offset, ingest time) hold."""

    place: tuple[int, int]
    pairs: Pairs

    @classmethod
    def of(
        cls, place: tuple[int, int], devices: int, failed: int, slices: Iterable[Any]
    ) -> "ShadowCell":
        """A cell from the fields of a record, or of a row of one."""
        told = (one if isinstance(one, ShadowSlice) else ShadowSlice(**one) for one in slices)
        pairs = {one.slice: (one.encounters, one.differing) for one in told}
        return cls(place, {LATENCY: (devices, failed), **pairs} if devices else pairs)


class ShadowTally:
    """Sums by release and stratum; evidence that has crossed stays crossed.

    Args:
        policy: Its `shadow` and the ceiling of latency; without them nothing is tested.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._cells: dict[tuple[Source, CellKey], ShadowCell] = {}
        self._sums: dict[CellKey, Pairs] = {}
        self._peaks: dict[tuple[CellKey, str], float] = {}

    def include(self, source: Source, key: CellKey, cell: ShadowCell) -> None:
        """Include a source partition's cell, unless it is known better."""
        known = self._cells.get((source, key))
        if not cell.pairs or (known is not None and known.place >= cell.place):
            return
        self._cells[source, key] = cell
        self._replace(key, known.pairs if known else {}, cell.pairs)
        for name in cell.pairs:
            limit, (seen, bad) = self._policy.shadow_limit(name == LATENCY), self._sums[key][name]
            if limit is not None:
                log_e = log_e_harm(Counts(seen, bad, seen), limit)
                self._peaks[key, name] = max(self.peak(key, name), log_e)

    def pairs(self, key: CellKey) -> Pairs:
        """Seen and bad by test, over all source partitions."""
        return self._sums.get(key, {})

    def peak(self, key: CellKey, name: str) -> float:
        """Highest log e-value of a test so far."""
        return self._peaks.get((key, name), -math.inf)

    def state(self) -> list[Any]:
        """State as JSON values."""
        cells = [[*source, *key, *cell] for (source, key), cell in sorted(self._cells.items())]
        return [cells, [[*key, name, log_e] for (key, name), log_e in sorted(self._peaks.items())]]

    def restore(self, state: list[Any]) -> None:
        """Go on from what `state` gave."""
        for topic, partition, release, stratum, place, pairs in state[0]:
            offset, ingest = place
            told = {name: (seen, bad) for name, (seen, bad) in pairs.items()}
            self._cells[(topic, partition), (release, stratum)] = ShadowCell((offset, ingest), told)
            self._replace((release, stratum), {}, told)
        for release, stratum, name, log_e in state[1]:
            self._peaks[(release, stratum), name] = log_e

    def _replace(self, key: CellKey, before: Pairs, after: Pairs) -> None:
        sums = self._sums.setdefault(key, {})
        for name, (seen, bad) in after.items():
            total, was = sums.get(name, (0, 0)), before.get(name, (0, 0))
            sums[name] = (total[0] - was[0] + seen, total[1] - was[1] + bad)
