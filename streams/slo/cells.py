"""The running counts of one source partition: cells by SLO, key and bucket, with their limits."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from schemas import histograms
from schemas.records import AlertExemplar, LatencyHistogram, SideCount
from streams.slo import sides
from streams.slo.judging import MAX_EXEMPLARS, CellCount, Key, slowest
from streams.slo.objectives import Slo
from streams.slo.partials import histogram

HORIZON_US: Final = 6 * 3_600_000_000

CellName = tuple[str, Key, int]

log = logging.getLogger(__name__)


class Cells:
    """Cumulative counts; what is older than six hours by the watermark keeps no cell.

    Beyond an SLO's `max_keys` further ones are counted together under `__overflow__`, and told
    once in the log, so that a flood of label values costs neither memory nor the alert.

    Attributes:
        overflowed: Events counted under the overflow key.
    """

    def __init__(self, slos: Sequence[Slo]) -> None:
        self._slos = {slo.name: slo for slo in slos}
        self._cells: dict[CellName, CellCount] = {}
        self._alive: dict[tuple[str, Key], int] = {}
        self._keys = dict.fromkeys(self._slos, 0)
        self._dirty: dict[CellName, None] = {}
        self._warned: set[str] = set()
        self.overflowed = 0

    def add(self, slo: Slo, counts: Iterable[CellCount]) -> None:
        """Add what a batch counted."""
        for count in counts:
            self._put(slo, self._admitted(slo, count))

    def expire(self, watermark_us: int) -> None:
        """Forget the cells that have fallen behind the horizon and were handed on."""
        old = [
            name
            for name in self._cells
            if name not in self._dirty and too_old(name[2], self._slos[name[0]], watermark_us)
        ]
        for name in old:
            del self._cells[name]
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
                _fields(count.latency),
                [_fields(one) for one in count.exemplars],
                [[one.label, one.value, one.total, one.bad] for one in count.sides],
            ]
            for (slo, key, bucket), count in self._cells.items()
        ]

    def load(self, state: Iterable[Any]) -> None:
        """Take the cells of `state()`; all of them count as changed."""
        for name, key, bucket, total, bad, latency, exemplars, beside in state:
            count = CellCount(
                tuple(key),
                bucket,
                total,
                bad,
                histogram(latency),
                tuple(AlertExemplar(**one) for one in exemplars),
                tuple(
                    SideCount(label=label, value=value, total=events, bad=lost)
                    for label, value, events, lost in beside
                ),
            )
            self._put(self._slos[name], count)

    def _admitted(self, slo: Slo, count: CellCount) -> CellCount:
        known = (slo.name, count.key) in self._alive
        if known or self._keys[slo.name] < slo.max_keys:
            return count
        self.overflowed += count.total
        if slo.name not in self._warned:
            self._warned.add(slo.name)
            log.warning(
                "SLO %s has more than max_keys=%d keys: further ones are counted together under "
                "%s and alert as one; group by fewer labels (now %s) or raise max_keys",
                *(slo.name, slo.max_keys, sides.OVERFLOW, ", ".join(slo.group_by)),
            )
        return replace(count, key=tuple(sides.OVERFLOW for _ in count.key))

    def _put(self, slo: Slo, count: CellCount) -> None:
        name = (slo.name, count.key, count.bucket)
        held = self._cells.get(name)
        if held is None:
            alive = self._alive.get(name[:2], 0)
            self._keys[slo.name] += not alive
            self._alive[name[:2]] = alive + 1
        self._cells[name] = count if held is None else _sum(held, count)
        self._dirty[name] = None


def too_old(bucket: Any, slo: Slo, watermark_us: Any) -> Any:
    """Whether a bucket, or each of many, ended six hours or more before the watermark."""
    return (bucket + 1) * slo.bucket_us <= watermark_us - HORIZON_US


def _sum(one: CellCount, other: CellCount) -> CellCount:
    return CellCount(
        one.key,
        one.bucket,
        one.total + other.total,
        one.bad + other.bad,
        histograms.merge((one.latency, other.latency)),
        slowest((*one.exemplars, *other.exemplars), MAX_EXEMPLARS),
        sides.merge(one.sides, other.sides),
    )


def _fields(record: LatencyHistogram | AlertExemplar) -> dict[str, Any]:
    """A flat record as plain values; `dataclasses.asdict` was a third of the worker's time."""
    return {name: getattr(record, name) for name in record.__slots__}
