"""What a page can show: latencies, late inferences and side counts of the shortest window."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from struct import Struct
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from schemas import histograms
from schemas.records import AlertExemplar, LatencyHistogram, SideCount, SloPartial
from streams.blobs import Blobs, Reading
from streams.slo.windows import Sum

_HEAD: Final = Struct("<qbqiqqqBH")
_HEADS: Final = np.dtype(
    [
        ("total", "<i8"),
        ("scale", "i1"),
        ("zero_count", "<i8"),
        ("offset", "<i4"),
        ("sum_us", "<i8"),
        ("min_us", "<i8"),
        ("max_us", "<i8"),
        ("code", "u1"),
        ("size", "<u2"),
    ]
)
"""What precedes counts and sides in a packed cell, the same for reading many at once."""
_SIDE: Final = Struct("<Hqq")
_SIDES: Final = np.dtype([("side", "<u2"), ("total", "<i8"), ("bad", "<i8")])
_WIDTHS: Final = tuple(np.dtype(kind) for kind in (np.uint8, np.uint16, np.uint32, np.int64))
_SIZES: Final = np.array([width.itemsize for width in _WIDTHS])
_LIMITS: Final = (2**8 - 1, 2**16 - 1, 2**32 - 1, 2**63 - 1)

_NONE: Final = histograms.empty()
_NOTHING: Final = (-1, -1)

Side = tuple[str, str]


class Summary(NamedTuple):
    """The shortest window of one key: its histogram, and counts by (label, value)."""

    latency: LatencyHistogram
    sides: Mapping[Side, Sum]


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
        self._summed = _NOTHING
        self._summary = Summary(_NONE, {})

    def put(self, bucket: int, row: int, record: SloPartial, tick: int | None) -> None:
        """Take a version of a cell; an older version than the known one changes nothing."""
        if tick is not None and bucket < tick - self._length:
            return
        self._summed = _NOTHING
        name = (row, record.source_partition)
        cells = self._cells.setdefault(bucket, {})
        held = cells.get(name)
        if held is not None and _total(held) > record.total:
            return
        cells[name] = self._packed(record)
        self._partitions.add(record.source_partition)
        if record.exemplars:
            self._late.setdefault(bucket, {})[name] = record.exemplars

    def summary(self, row: int, tick: int) -> Summary:
        """A key's shortest window, all buckets and source partitions together."""
        if self._summed != (row, tick):
            self._summed = (row, tick)
            cells = list(self._inside(row, tick))
            heads = np.frombuffer(b"".join(cell[: _HEAD.size] for cell in cells), _HEADS)
            ends = (_HEAD.size + heads["size"] * _SIZES[heads["code"]]).tolist()
            sides = b"".join(cell[end:] for cell, end in zip(cells, ends, strict=True))
            counts = [cell[_HEAD.size : end] for cell, end in zip(cells, ends, strict=True)]
            self._summary = Summary(_merged(heads, counts), self._sides_of(sides))
        return self._summary

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

    def tidy(self, tick: int) -> None:
        """Forget what is older than the shortest window."""
        for held in (self._cells, self._late):
            for bucket in [at for at in held if at < tick - self._length]:
                del held[bucket]

    def forget_before(self, bucket: int, row: int) -> None:
        """Show nothing of a key from before a bucket."""
        self._summed = _NOTHING
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

    def _inside(self, row: int, tick: int) -> Iterator[bytes]:
        names = [(row, partition) for partition in sorted(self._partitions)]
        for bucket, cells in self._cells.items():
            if tick - self._length <= bucket < tick:
                for name in names:
                    packed = cells.get(name)
                    if packed is not None:
                        yield packed

    def _packed(self, record: SloPartial) -> bytes:
        latency = record.latency or _NONE
        largest = max(latency.counts, default=0)
        code = next(place for place, limit in enumerate(_LIMITS) if largest <= limit)
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
        counts = np.array(latency.counts, dtype=_WIDTHS[code]).tobytes()
        return b"".join((head, counts, *sides))

    def _sides_of(self, packed: bytes) -> dict[Side, Sum]:
        held = np.frombuffer(packed, _SIDES)
        sums = np.zeros((2, len(self._sides)), dtype=np.int64)
        np.add.at(sums[0], held["side"], held["total"])
        np.add.at(sums[1], held["side"], held["bad"])
        found = zip(self._sides, *sums.tolist(), strict=True)
        return {side: Sum(total, bad) for side, total, bad in found if total}

    def _number(self, one: SideCount) -> int:
        side = (one.label, one.value)
        number = self._numbers.get(side)
        if number is None:
            number = self._numbers[side] = len(self._sides)
            self._sides.append(side)
        return number


def _merged(heads: npt.NDArray[Any], counts: Sequence[bytes]) -> LatencyHistogram:
    """Sum of packed histograms, as `histograms.merge` makes it.

    Args:
        heads: Of the cells, `_HEADS`, shape [n].
        counts: Of each cell, as wide as its head says.
    """
    judged = heads[(heads["zero_count"] > 0) | (heads["size"] > 0)]
    if len(judged) == 0:
        return _NONE
    filled = heads["size"] > 0
    scale = int(heads["scale"][filled].min(initial=histograms.MAX_SCALE))
    indexes, weights = [], []
    for code, width in enumerate(_WIDTHS):
        mine = filled & (heads["code"] == code)
        sizes = heads["size"][mine].astype(np.int64)
        places = np.arange(sizes.sum()) - (np.cumsum(sizes) - sizes).repeat(sizes)
        fine = heads["offset"][mine].astype(np.int64).repeat(sizes) + places
        indexes.append(fine >> (heads["scale"][mine].astype(np.int64) - scale).repeat(sizes))
        held = b"".join(counts[at] for at in np.flatnonzero(mine).tolist())
        weights.append(np.frombuffer(held, width).astype(np.int64))
    used, offset, dense = histograms.dense(np.concatenate(indexes), np.concatenate(weights), scale)
    return LatencyHistogram(
        scale=used if len(dense) else histograms.DEFAULT_SCALE,
        zero_count=int(heads["zero_count"].sum()),
        offset=offset,
        counts=tuple(dense.tolist()),
        sum_us=int(heads["sum_us"].sum()),
        min_us=int(judged["min_us"].min()),
        max_us=int(judged["max_us"].max()),
    )


def _total(packed: bytes) -> int:
    total: int = _HEAD.unpack_from(packed)[0]
    return total
