"""Stage two's counts of devices by arm, summed over source partitions, one for each opening."""

from typing import Any, NamedTuple

from schemas.records import Arm
from streams.processor import Source
from streams.rollout.cells import CellKey


class Arms(NamedTuple):
    """Devices heard of since an opening."""

    candidates: int = 0
    control: int = 0


class ArmTally:
    """Of each cell the highest (last offset, ingest time) counts."""

    def __init__(self) -> None:
        self._cells: dict[CellKey, dict[int, dict[tuple[Source, str], tuple[int, int, int]]]] = {}
        self.kept = 0

    def include(
        self, source: Source, key: CellKey, opened_us: int, arm: str, cell: tuple[int, int, int]
    ) -> None:
        """Include (last offset, ingest time, devices) of one source partition and arm."""
        openings = self._cells.setdefault(key, {})
        cells = openings.setdefault(opened_us, {})
        known = cells.get((source, arm))
        self.kept += known is None
        if known is None or known[:2] < cell[:2]:
            cells[source, arm] = cell

    def counts(self, key: CellKey, opened_us: int) -> Arms:
        """Devices of a release and stratum by arm, since the wave was opened then."""
        cells = self._cells.get(key, {}).get(opened_us, {})
        sums = {Arm.CANDIDATE.value: 0, Arm.CONTROL.value: 0}
        for (_, arm), (_, _, devices) in cells.items():
            sums[arm] += devices
        return Arms(sums[Arm.CANDIDATE.value], sums[Arm.CONTROL.value])

    def state(self) -> list[Any]:
        """State as JSON values."""
        return [
            [*key, opened_us, *source, arm, *cell]
            for key, openings in sorted(self._cells.items())
            for opened_us, cells in sorted(openings.items())
            for (source, arm), cell in sorted(cells.items())
        ]

    def restore(self, state: list[Any]) -> None:
        """Go on from what `state` gave."""
        for release, stratum, opened_us, topic, partition, arm, *cell in state:
            place = (cell[0], cell[1], cell[2])
            self.include((topic, partition), (release, stratum), opened_us, arm, place)
