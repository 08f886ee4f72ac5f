"""The running counts of one source partition: cells by SLO, key and bucket, with their limits."""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from schemas import histograms
from schemas.records import AlertExemplar, LatencyHistogram, SideCount
from streams.blobs import Blobs, Reading
from streams.slo import sides
from streams.slo.judging import MAX_EXEMPLARS, CellCount, Key, slowest
from streams.slo.objectives import Slo
from streams.slo.partials import histogram

HORIZON_US: Final = 6 * 3_600_000_000

CellName = tuple[str, Key, int]

log = logging.getLogger(__name__)


class Cells:
    """Cumulative counts; what is older than six hours by the watermark keeps no cell.

    A cell whose bucket is over is kept as the line that a snapshot holds of it: six hours of cells
    are not made text again at every checkpoint, nor made objects at a restart.

    Beyond an SLO's `max_keys` further ones are counted together under `__overflow__`, and told
    once in the log, so that a flood of label values costs neither memory nor the alert.

    Attributes:
        overflowed: Events counted under the overflow key.
    """

    def __init__(self, slos: Sequence[Slo]) -> None:
        self._slos = {slo.name: slo for slo in slos}
        self._open: dict[CellName, CellCount] = {}
        self._closed: dict[CellName, str] = {}
        self._buckets: dict[str, dict[int, dict[Key, None]]] = {name: {} for name in self._slos}
        self._alive: dict[tuple[str, Key], int] = {}
        self._keys = dict.fromkeys(self._slos, 0)
        self._changed: dict[CellName, None] = {}
        self._settled = dict.fromkeys(self._slos, -1)
        self._warned: set[str] = set()
        self.overflowed = 0

    def add(self, slo: Slo, counts: Iterable[CellCount]) -> None:
        """Add what a batch counted."""
        for count in counts:
            self._put(slo, self._admitted(slo, count))

    def hand_on(self, watermark_us: int) -> list[tuple[Slo, CellCount]]:
        """Every cell that changed since it was handed on.

        Then the cells whose bucket is over by the watermark are closed, and those behind the
        horizon forgotten.
        """
        changed = [(self._slos[name[0]], self._open[name]) for name in self._changed]
        self._changed.clear()
        for slo in self._slos.values():
            over = watermark_us // slo.bucket_us
            if over != self._settled[slo.name]:
                self._settled[slo.name] = over
                self._close(slo, watermark_us)
                self._forget(slo, watermark_us)
        return changed

    def state(self, blobs: Blobs) -> Mapping[str, Any]:
        """All cells, and which of them are yet to be handed on."""
        lines = [self._closed.get(name) or _line(name, self._open[name]) for name in self._names()]
        return {"lines": blobs.put("\n".join(lines).encode()), "changed": list(self._changed)}

    def load(self, state: Mapping[str, Any], blobs: Reading) -> None:
        """Take the cells of `state()`."""
        for line in blobs.get(state["lines"]).decode().splitlines():
            slo, key, bucket = json.loads(line.partition("\t")[0])
            self._register((slo, tuple(key), bucket))
            self._closed[slo, tuple(key), bucket] = line
        for slo, key, bucket in state["changed"]:
            self._reopen((slo, tuple(key), bucket))
            self._changed[slo, tuple(key), bucket] = None

    def _names(self) -> Iterator[CellName]:
        for slo, buckets in self._buckets.items():
            for bucket, keys in buckets.items():
                yield from ((slo, key, bucket) for key in keys)

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
        held = self._reopen(name)
        if held is None:
            self._register(name)
        self._open[name] = count if held is None else _sum(held, count)
        self._changed[name] = None

    def _reopen(self, name: CellName) -> CellCount | None:
        """The cell to add to; None: there is none yet."""
        line = self._closed.pop(name, None)
        if line is not None:
            self._open[name] = _count(name, line)
        return self._open.get(name)

    def _register(self, name: CellName) -> None:
        slo, key, bucket = name
        self._buckets[slo].setdefault(bucket, {})[key] = None
        alive = self._alive.get((slo, key), 0)
        self._alive[slo, key] = alive + 1
        self._keys[slo] += not alive

    def _close(self, slo: Slo, watermark_us: int) -> None:
        over = [
            name
            for name in self._open
            if name[0] == slo.name and (name[2] + 1) * slo.bucket_us <= watermark_us
        ]
        for name in over:
            self._closed[name] = _line(name, self._open.pop(name))

    def _forget(self, slo: Slo, watermark_us: int) -> None:
        buckets = self._buckets[slo.name]
        for bucket in [bucket for bucket in buckets if too_old(bucket, slo, watermark_us)]:
            for key in buckets.pop(bucket):
                del self._closed[slo.name, key, bucket]
                self._alive[slo.name, key] -= 1
                if not self._alive[slo.name, key]:
                    del self._alive[slo.name, key]
                    self._keys[slo.name] -= 1


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


def _line(name: CellName, count: CellCount) -> str:
    """Which cell it is and what it counts, as JSON on both sides of a tab."""
    counted = json.dumps(
        [
            count.total,
            count.bad,
            _fields(count.latency),
            [_fields(one) for one in count.exemplars],
            [[one.label, one.value, one.total, one.bad] for one in count.sides],
        ],
        separators=(",", ":"),
    )
    return f"{json.dumps(name)}\t{counted}"


def _count(name: CellName, line: str) -> CellCount:
    """The cell of `_line`."""
    total, bad, latency, exemplars, beside = json.loads(line.partition("\t")[2])
    return CellCount(
        name[1],
        name[2],
        total,
        bad,
        histogram(latency),
        tuple(AlertExemplar(**one) for one in exemplars),
        tuple(
            SideCount(label=label, value=value, total=events, bad=lost)
            for label, value, events, lost in beside
        ),
    )


def _fields(record: LatencyHistogram | AlertExemplar) -> dict[str, Any]:
    """A flat record as plain values; `dataclasses.asdict` was a third of the worker's time."""
    return {name: getattr(record, name) for name in record.__slots__}
