"""Counts of all keys over sliding windows of event time: one addition a window and step."""

from collections.abc import Iterable, Iterator, Mapping
from math import lcm
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.durations import UNITS_US
from streams.blobs import Blobs, Reading
from streams.slo.counts import Column, Counts

FINE_US: Final = UNITS_US["h"]
COARSE_US: Final = 3 * UNITS_US["d"]
FROZEN_AFTER: Final = 64


class Sum(NamedTuple):
    """Events and bad events of a stretch of buckets."""

    total: int
    bad: int


def step(length_us: int, bucket_us: int) -> int:
    """Buckets that leave a window of this length at once.

    Up to an hour each bucket leaves alone, up to three days a minute of them, then an hour: so
    that all windows of a key together need some 4,700 counts.
    """
    if length_us <= FINE_US:
        return 1
    return max(1, UNITS_US["m" if length_us <= COARSE_US else "h"] // bucket_us)


class Windows:
    """Sums of every key up to the current tick.

    Tick t is the end of bucket t - 1. A window of n buckets that leave s at a time holds buckets
    floor((t - n) / s) * s to t - 1: exactly n of them whenever s divides t - n.

    Args:
        lengths_us: Window lengths, each a multiple of the bucket.
        bucket_us: Length of a bucket.
        period_us: The budget period: counted as the last window, and by no `floor`.

    Attributes:
        tick: Where the windows end; None before the first `move`.
        sums: int64[windows, 2, keys or more]: events, bad events; in order of `lengths_us`.
        align: A floor must be a multiple of this many buckets.
    """

    def __init__(self, lengths_us: Iterable[int], bucket_us: int, period_us: int) -> None:
        self._places = {length: place for place, length in enumerate(lengths_us)}
        self._windows = [(n // bucket_us, step(n, bucket_us)) for n in self._places]
        self._longest = {1: 1}
        for length, size in self._windows:
            self._longest[size] = max(length, self._longest.get(size, 0))
        self._levels = {size: Counts() for size in self._longest}
        self._fine = self._levels[1]
        self._period = (period_us // bucket_us, step(period_us, bucket_us))
        self._spent = Counts()
        self.align = lcm(*self._longest)
        self._entered: int | None = None
        self.tick: int | None = None
        self.sums: npt.NDArray[np.int64] = np.zeros((len(self._windows) + 1, 2, 0), dtype=np.int64)

    def next(self) -> int | None:
        """The next tick at which a sum can change; None: at none, as far as is known."""
        if self.tick is None:
            return min(self._fine, default=None)
        longest = max(length + size for length, size in self._windows)
        if self._entered is not None and self.tick <= self._entered + longest:
            return self.tick + 1
        awaited = min((at for at in self._fine if at >= self.tick), default=None)
        return None if awaited is None else awaited + 1

    def place(self, length_us: int) -> int:
        """Where a window stands in `sums`."""
        return self._places[length_us]

    def sum(self, length_us: int, row: int) -> Sum:
        """One window of one key."""
        return self._sum(self._places[length_us], row)

    def spent(self, row: int) -> Sum:
        """The budget period of one key."""
        return self._sum(-1, row)

    def history(self, length_us: int, row: int) -> list[tuple[int, Sum]]:
        """What a window of one key holds, by the tick at which it leaves, in order."""
        length, size = self._windows[self._places[length_us]]
        return [((at + 1) * size + length, held) for at, held in self._held(length, size, row)]

    def grow(self, rows: int) -> None:
        """Make room for so many keys."""
        missing = rows - self.sums.shape[2]
        self.sums = np.pad(self.sums, ((0, 0), (0, 0), (0, missing)))

    @property
    def oldest(self) -> int | None:
        """Oldest bucket of which a count is held, the budget's included; None: there is none."""
        levels = [*self._levels.items(), (self._period[1], self._spent)]
        return min((at * size for size, counts in levels for at in counts), default=None)

    def add(self, bucket: int, row: int, total: int, bad: int, *, counted: bool) -> None:
        """Add events, whether their tick is still to come or past; not `counted`: budget alone."""
        late = self.tick is not None and bucket < self.tick
        if late or not counted:
            self._spend(bucket, row, total, bad)
        if not counted:
            return
        if late:
            self._add_late(bucket, row, total, bad)
        else:
            self._fine.add(bucket, row, total, bad)

    def move(self, tick: int) -> None:
        """Go on to a later tick: the next one, unless nothing has happened up to the tick before.

        Nothing: no window holds an event, and none comes before `oldest`.
        """
        jumped = self.tick is None or tick != self.tick + 1
        self.tick = tick
        entering = self._fine.read(tick - 1)
        if entering is not None:
            self._enter(tick - 1, entering)
        for place, (length, size) in enumerate(self._windows):
            if (tick - length) % size == 0:
                self._leave(place, self._levels[size].read((tick - length) // size - 1))
        length, size = self._period
        if jumped or (tick - length) % size == 0:
            first = self._first(length, size)
            for at in [at for at in self._spent if at < first]:
                self._leave(-1, self._spent.read(at))
            self._spent.drop(first)
        self._forget(tick, jumped=jumped)

    def forget_before(self, bucket: int, row: int) -> None:
        """Let nothing that a key did before a bucket (a multiple of `align`) count."""
        for size, counts in self._levels.items():
            counts.clear(row, bucket // size)
        for place, (length, size) in enumerate(self._windows):
            inside = [held for _, held in self._held(length, size, row)]
            self.sums[place, 0, row] = sum(held.total for held in inside)
            self.sums[place, 1, row] = sum(held.bad for held in inside)

    def freeze(self) -> None:
        """Compress what seldom changes."""
        tick = self.tick or 0
        for size, counts in self._levels.items():
            counts.freeze((tick - FROZEN_AFTER) // size - 1)
        self._spent.freeze(tick // self._period[1])

    def state(self, blobs: Blobs) -> dict[str, Any]:
        """All of it as plain values."""
        return {
            "tick": self.tick,
            "entered": self._entered,
            "rows": self.sums.shape[2],
            "sums": blobs.put(self.sums.tobytes()),
            "levels": [[size, counts.state(blobs)] for size, counts in self._levels.items()],
            "spent": self._spent.state(blobs),
        }

    def load(self, state: Mapping[str, Any], blobs: Reading) -> None:
        """Take the values of `state()`."""
        self.tick, self._entered = state["tick"], state["entered"]
        raw = np.frombuffer(blobs.get(state["sums"]), dtype=np.int64)
        self.sums = raw.reshape(len(self._windows) + 1, 2, state["rows"]).copy()
        for size, held in state["levels"]:
            self._levels[size].load(held, blobs)
        self._spent.load(state["spent"], blobs)

    def _sum(self, place: int, row: int) -> Sum:
        return Sum(int(self.sums[place, 0, row]), int(self.sums[place, 1, row]))

    def _first(self, length: int, size: int) -> int:
        """First column, of a level of `size` buckets, that a window of `length` still holds."""
        return ((self.tick or 0) - length) // size

    def _held(self, length: int, size: int, row: int) -> Iterator[tuple[int, Sum]]:
        first, end = self._first(length, size), -(-(self.tick or 0) // size)
        for at in sorted(at for at in self._levels[size] if first <= at < end):
            column = self._levels[size].read(at)
            if column is not None and row < column.shape[1] and column[0, row]:
                yield at, Sum(int(column[0, row]), int(column[1, row]))

    def _enter(self, bucket: int, column: Column) -> None:
        size = min(column.shape[1], self.sums.shape[2])
        self.sums[:, :, :size] += column[:, :size]
        self._entered = max(bucket, self._entered or 0)
        for wide, counts in self._levels.items():
            if wide > 1:
                counts.merge(bucket // wide, column)
        self._spent.merge(bucket // self._period[1], column)

    def _leave(self, place: int, column: Column | None) -> None:
        if column is not None:
            size = min(column.shape[1], self.sums.shape[2])
            self.sums[place, :, :size] -= column[:, :size]

    def _add_late(self, bucket: int, row: int, total: int, bad: int) -> None:
        self._entered = max(bucket, self._entered or 0)
        for size, longest in self._longest.items():
            if bucket // size >= self._first(longest, size):
                self._levels[size].add(bucket // size, row, total, bad)
        for place, (length, size) in enumerate(self._windows):
            if bucket // size >= self._first(length, size):
                self.sums[place, :, row] += (total, bad)

    def _spend(self, bucket: int, row: int, total: int, bad: int) -> None:
        length, size = self._period
        if self.tick is None or bucket // size >= self._first(length, size):
            self._spent.add(bucket // size, row, total, bad)
            self.sums[-1, :, row] += (total, bad)

    def _forget(self, tick: int, *, jumped: bool) -> None:
        """Forget what every window has left behind."""
        for size, longest in self._longest.items():
            if jumped:
                self._levels[size].drop(self._first(longest, size))
            elif (tick - longest) % size == 0:
                self._levels[size].pop(self._first(longest, size) - 1)
