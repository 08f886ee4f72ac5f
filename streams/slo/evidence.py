"""What a page can show: latencies, late inferences and side counts of the shortest window."""

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from struct import Struct
from typing import Any, Final, NamedTuple

from schemas.records import AlertExemplar, LatencyHistogram, SideCount, SloPartial
from streams.slo.blobs import Blobs, Reading
from streams.slo.windows import Sum

_HEAD: Final = Struct("<qbqiqqqBH")
_SIDE: Final = Struct("<Hqq")
_CODES: Final = ((2**8 - 1, "B"), (2**16 - 1, "H"), (2**32 - 1, "I"), (2**64 - 1, "Q"))

Side = tuple[str, str]


class _Shown(NamedTuple):
    """One cell, unpacked."""

    total: int
    latency: LatencyHistogram
    sides: list[tuple[Side, Sum]]


class Evidence:
    """The newest version of each cell of the last `length` buckets, packed: 100 bytes and more.

    It decides nothing, so what comes late is shown as soon as it is there.

    Args:
        length: Buckets of the shortest window.
    """

    def __init__(self, length: int) -> None:
        self._length = length
        self._cells: dict[int, dict[tuple[int, int], bytes]] = {}
        self._late: dict[int, dict[tuple[int, int], tuple[AlertExemplar, ...]]] = {}
        self._partitions: set[int] = set()
        self._sides: list[Side] = []
        self._numbers: dict[Side, int] = {}

    def put(self, bucket: int, row: int, record: SloPartial, tick: int | None) -> None:
        """Take a version of a cell; an older version than the known one changes nothing."""
        if tick is not None and bucket < tick - self._length:
            return
        name = (row, record.source_partition)
        cells = self._cells.setdefault(bucket, {})
        held = cells.get(name)
        if held is not None and _total(held) > record.total:
            return
        cells[name] = self._packed(record)
        self._partitions.add(record.source_partition)
        if record.exemplars:
            self._late.setdefault(bucket, {})[name] = record.exemplars

    def latencies(self, row: int, tick: int) -> list[LatencyHistogram]:
        """Histograms of a key's shortest window."""
        return [shown.latency for shown in self._inside(row, tick)]

    def exemplars(self, row: int, tick: int) -> list[AlertExemplar]:
        """Late inferences of a key's shortest window."""
        names = [(row, partition) for partition in sorted(self._partitions)]
        return [
            one
            for bucket, held in sorted(self._late.items())
            if tick - self._length <= bucket < tick
            for name in names
            for one in held.get(name, ())
        ]

    def sides(self, row: int, tick: int) -> dict[Side, Sum]:
        """Counts of a key's shortest window by (label, value) of the labels outside the key."""
        found: dict[Side, Sum] = {}
        for shown in self._inside(row, tick):
            for side, held in shown.sides:
                before = found.get(side, Sum(0, 0))
                found[side] = Sum(before.total + held.total, before.bad + held.bad)
        return found

    def tidy(self, tick: int) -> None:
        """Forget what is older than the shortest window."""
        for held in (self._cells, self._late):
            for bucket in [at for at in held if at < tick - self._length]:
                del held[bucket]

    def forget_before(self, bucket: int, row: int) -> None:
        """Show nothing of a key from before a bucket."""
        for held in (self._cells, self._late):
            for at in [at for at in held if at < bucket]:
                for name in [name for name in held[at] if name[0] == row]:
                    del held[at][name]

    def state(self, blobs: Blobs) -> dict[str, Any]:
        """All of it as plain values."""
        return {
            "sides": self._sides,
            "cells": [
                [
                    at,
                    list(held),
                    [len(p) for p in held.values()],
                    blobs.put(b"".join(held.values())),
                ]
                for at, held in self._cells.items()
            ],
            "late": [
                [at, [[*name, [asdict(one) for one in found]] for name, found in held.items()]]
                for at, held in self._late.items()
            ],
        }

    def load(self, state: Mapping[str, Any], blobs: Reading) -> None:
        """Take the values of `state()`."""
        self._sides = [(label, value) for label, value in state["sides"]]
        self._numbers = {side: number for number, side in enumerate(self._sides)}
        for at, names, sizes, number in state["cells"]:
            packed, start, cells = blobs.get(number), 0, self._cells.setdefault(at, {})
            for (row, partition), size in zip(names, sizes, strict=True):
                cells[row, partition] = packed[start : start + size]
                self._partitions.add(partition)
                start += size
        for at, held in state["late"]:
            self._late[at] = {
                (row, partition): tuple(AlertExemplar(**one) for one in found)
                for row, partition, found in held
            }

    def _inside(self, row: int, tick: int) -> Iterator[_Shown]:
        names = [(row, partition) for partition in sorted(self._partitions)]
        for bucket, cells in self._cells.items():
            if tick - self._length <= bucket < tick:
                for name in names:
                    packed = cells.get(name)
                    if packed is not None:
                        yield self._shown(packed)

    def _packed(self, record: SloPartial) -> bytes:
        latency = record.latency or _NONE
        largest = max(latency.counts, default=0)
        code = next(place for place, (limit, _) in enumerate(_CODES) if largest <= limit)
        head = _HEAD.pack(
            record.total,
            latency.scale,
            latency.zero_count,
            latency.offset,
            latency.sum_us,
            latency.min_us,
            latency.max_us,
            code,
            len(latency.counts),
        )
        sides = (_SIDE.pack(self._number(one), one.total, one.bad) for one in record.sides)
        return b"".join((head, array(_CODES[code][1], latency.counts).tobytes(), *sides))

    def _shown(self, packed: bytes) -> _Shown:
        total, scale, zero, offset, sums, low, high, code, size = _HEAD.unpack_from(packed)
        counts = array(_CODES[code][1])
        end = _HEAD.size + size * counts.itemsize
        counts.frombytes(packed[_HEAD.size : end])
        latency = LatencyHistogram(
            scale=scale,
            zero_count=zero,
            offset=offset,
            counts=tuple(counts),
            sum_us=sums,
            min_us=low,
            max_us=high,
        )
        sides = [
            (self._sides[number], Sum(held, bad))
            for number, held, bad in _SIDE.iter_unpack(packed[end:])
        ]
        return _Shown(total, latency, sides)

    def _number(self, one: SideCount) -> int:
        side = (one.label, one.value)
        number = self._numbers.get(side)
        if number is None:
            number = self._numbers[side] = len(self._sides)
            self._sides.append(side)
        return number


_NONE: Final = LatencyHistogram(
    scale=0, zero_count=0, offset=0, counts=(), sum_us=0, min_us=0, max_us=0
)


def _total(packed: bytes) -> int:
    total: int = _HEAD.unpack_from(packed)[0]
    return total
