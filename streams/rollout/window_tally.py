"""Stage two's counts by calendar window, summed over source partitions."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from streams.processor import Source
from streams.rollout.calendar_windows import Calendar
from streams.rollout.cells import CellKey

MAX_SUMS: Final = 200_000
"""Windows times releases, strata and topics that are kept."""

Place: TypeAlias = tuple[int, int]
"""(last offset, ingest time) of a cell: the highest counts."""
_Series: TypeAlias = tuple[str, CellKey]


class WindowLimitError(RuntimeError):
    """More windows than stage two may keep; the message names the limit."""


class WindowTally:
    """Sums of each window; the cells behind one are kept until it is closed.

    All counts are whole numbers (metres are told in thousandths), so that no order of arrival
    changes a sum.
    """

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self._open: dict[int, dict[tuple[Source, CellKey], tuple[Place, int]]] = {}
        self._sums: dict[_Series, dict[int, int]] = {}
        self._kept = 0

    def include(
        self, source: Source, key: CellKey, start: int, place: Place, count: int, now_us: int | None
    ) -> None:
        """Include a source partition's count of a window, unless it is closed or known better.

        Raises:
            WindowLimitError: It would be one window more than MAX_SUMS.
        """
        if now_us is not None and self._calendar.closed(start, now_us):
            return  # what can still come is told again by a stage one that went back
        cells = self._open.setdefault(start, {})
        known = cells.get((source, key))
        if known is not None and known[0] >= place:
            return
        cells[source, key] = (place, count)
        self._add((source[0], key), start, count - (known[1] if known else 0))

    def settle(self, now_us: int) -> None:
        """Every source partition was read up to now: windows close, and the oldest leave."""
        closed = [start for start in self._open if self._calendar.closed(start, now_us)]
        if not closed:
            return
        for start in closed:
            del self._open[start]
        oldest = self._calendar.oldest_kept(now_us)
        for name, series in list(self._sums.items()):
            for start in [start for start in series if start < oldest]:
                del series[start]
                self._kept -= 1
            if not series:
                del self._sums[name]

    def series(self, topic: str, key: CellKey) -> Mapping[int, int]:
        """Counts of a release and stratum by the begin of the window, open ones included."""
        return self._sums.get((topic, key), {})

    def state(self) -> list[Any]:
        """State as JSON values."""
        return [list(self._cells()), list(self._totals())]

    def restore(self, state: list[Any]) -> None:
        """Go on from what `state` gave."""
        for topic, partition, release, stratum, start, offset, ingest, count in state[0]:
            cell = ((offset, ingest), count)
            self._open.setdefault(start, {})[(topic, partition), (release, stratum)] = cell
        for topic, release, stratum, start, count in state[1]:
            self._add((topic, (release, stratum)), start, count)

    def _add(self, name: _Series, start: int, count: int) -> None:
        series = self._sums.setdefault(name, {})
        if start not in series:
            if self._kept >= MAX_SUMS:
                raise WindowLimitError(
                    f"rollout: release {name[1][0]} in {name[1][1]} opens one more than "
                    f"MAX_SUMS={MAX_SUMS} windows of stage two; make rate_window_s longer"
                )
            self._kept += 1
        series[start] = series.get(start, 0) + count

    def _cells(self) -> Iterator[list[Any]]:
        for start, cells in sorted(self._open.items()):
            for (source, key), (place, count) in sorted(cells.items()):
                yield [*source, *key, start, *place, count]

    def _totals(self) -> Iterator[list[Any]]:
        for (topic, key), series in sorted(self._sums.items()):
            for start, count in sorted(series.items()):
                yield [topic, *key, start, count]
