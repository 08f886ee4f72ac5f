"""The running counts of one source partition: cells by SLO, key and bucket, with their limits."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from schemas import histograms
from schemas.records import AlertExemplar
from streams.slo.judging import MAX_EXEMPLARS, CellCount, Key, slowest
from streams.slo.objectives import Slo
from streams.slo.partials import histogram

HORIZON_US: Final = 6 * 3_600_000_000
MAX_KEYS: Final = 1_000
OVERFLOW: Final = "__overflow__"

CellName = tuple[str, Key, int]


class Cells:
    """Cumulative counts; what is older than six hours by the watermark opens and keeps no cell.

    Beyond 1,000 keys of an SLO further ones are counted together under `__overflow__`, so that a
    flood of label values costs neither memory nor the alert.

    Attributes:
        too_old: Events left out because their bucket is beyond the horizon.
        overflowed: Events counted under the overflow key.
    """

    def __init__(self, slos: Sequence[Slo]) -> None:
        self._slos = {slo.name: slo for slo in slos}
        self._cells: dict[CellName, CellCount] = {}
        self._alive: dict[tuple[str, Key], int] = {}
        self._keys = dict.fromkeys(self._slos, 0)
        self._dirty: dict[CellName, None] = {}
        self.too_old = 0
        self.overflowed = 0

    def add(self, slo: Slo, counts: Iterable[CellCount], watermark_us: int) -> None:
        """Add what a batch counted."""
        for count in counts:
            if self._expired(slo, count.bucket, watermark_us):
                self.too_old += count.total
                continue
            self._put(slo, self._admitted(slo, count))

    def expire(self, watermark_us: int) -> None:
        """Forget the cells that have fallen behind the horizon."""
        old = [
            name
            for name in self._cells
            if self._expired(self._slos[name[0]], name[2], watermark_us)
        ]
        for name in old:
            del self._cells[name]
            self._dirty.pop(name, None)
            alive = self._alive[name[:2]] - 1
            if alive:
                self._alive[name[:2]] = alive
            else:
                del self._alive[name[:2]]
                self._keys[name[0]] -= 1

    def changed(self) -> Iterator[tuple[Slo, CellCount]]:
        """Hand on every cell that changed since it was handed on."""
        dirty, self._dirty = self._dirty, {}
        for name in dirty:
            yield self._slos[name[0]], self._cells[name]

    def state(self) -> list[Any]:
        """All cells as plain values."""
        return [
            [
                slo,
                list(key),
                bucket,
                count.total,
                count.bad,
                asdict(count.latency),
                [asdict(one) for one in count.exemplars],
            ]
            for (slo, key, bucket), count in self._cells.items()
        ]

    def load(self, state: Iterable[Any]) -> None:
        """Take the cells of `state()`; all of them count as changed."""
        for name, key, bucket, total, bad, latency, exemplars in state:
            count = CellCount(
                tuple(key),
                bucket,
                total,
                bad,
                histogram(latency),
                tuple(AlertExemplar(**one) for one in exemplars),
            )
            self._put(self._slos[name], count)

    def _admitted(self, slo: Slo, count: CellCount) -> CellCount:
        if (slo.name, count.key) in self._alive or self._keys[slo.name] < MAX_KEYS:
            return count
        self.overflowed += count.total
        rest = tuple(OVERFLOW for _ in count.key)
        return CellCount(rest, count.bucket, count.total, count.bad, count.latency, count.exemplars)

    def _put(self, slo: Slo, count: CellCount) -> None:
        name = (slo.name, count.key, count.bucket)
        held = self._cells.get(name)
        if held is None:
            alive = self._alive.get(name[:2], 0)
            self._keys[slo.name] += not alive
            self._alive[name[:2]] = alive + 1
        self._cells[name] = count if held is None else _sum(held, count)
        self._dirty[name] = None

    @staticmethod
    def _expired(slo: Slo, bucket: int, watermark_us: int) -> bool:
        return (bucket + 1) * slo.bucket_us <= watermark_us - HORIZON_US


def _sum(one: CellCount, other: CellCount) -> CellCount:
    return CellCount(
        one.key,
        one.bucket,
        one.total + other.total,
        one.bad + other.bad,
        histograms.merge((one.latency, other.latency)),
        slowest((*one.exemplars, *other.exemplars), MAX_EXEMPLARS),
    )
