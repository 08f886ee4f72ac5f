"""Counts of one key over sliding windows of event time: O(1) for each window and step."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(slots=True)
class Sum:
    """Events and bad events of a stretch of buckets."""

    total: int = 0
    bad: int = 0


class WindowSums:
    """Buckets of (total, bad) and, for each window length, their sum up to the current tick.

    Tick t is the end of bucket t - 1; a window of n buckets holds buckets t - n to t - 1.

    Args:
        lengths: Window lengths in buckets.
    """

    def __init__(self, lengths: Iterable[int]) -> None:
        self._sums = {length: Sum() for length in lengths}
        self._longest = max(self._sums)
        self._buckets: dict[int, Sum] = {}
        self._tick: int | None = None
        self._newest: int | None = None

    def __bool__(self) -> bool:
        return bool(self._buckets)

    @property
    def newest(self) -> int | None:
        """Newest bucket that ever held an event."""
        return self._newest

    @property
    def oldest(self) -> int | None:
        """Oldest bucket held."""
        return min(self._buckets, default=None)

    def first_from(self, tick: int) -> int | None:
        """Oldest bucket that no tick up to `tick` included."""
        return min((bucket for bucket in self._buckets if bucket >= tick), default=None)

    def sum(self, length: int) -> Sum:
        """Counts of the window of `length` buckets that ends at the current tick."""
        return self._sums[length]

    def add(self, bucket: int, total: int, bad: int) -> None:
        """Add events to a bucket, whether its tick is still to come or past."""
        if self._tick is not None and bucket < self._tick - self._longest:
            return
        held = self._buckets.setdefault(bucket, Sum())
        held.total += total
        held.bad += bad
        self._newest = bucket if self._newest is None else max(self._newest, bucket)
        if self._tick is not None and bucket < self._tick:
            for length, window in self._sums.items():
                if bucket >= self._tick - length:
                    window.total += total
                    window.bad += bad

    def move(self, tick: int) -> None:
        """Go on to a later tick."""
        if self._tick is None or tick != self._tick + 1:
            self._rebuild(tick)
            return
        entering = self._buckets.get(tick - 1)
        for length, window in self._sums.items():
            leaving = self._buckets.get(tick - 1 - length)
            if entering is not None:
                window.total += entering.total
                window.bad += entering.bad
            if leaving is not None:
                window.total -= leaving.total
                window.bad -= leaving.bad
        self._buckets.pop(tick - 1 - self._longest, None)
        self._tick = tick

    def forget_before(self, bucket: int) -> None:
        """Drop all events of earlier buckets."""
        self._buckets = {at: held for at, held in self._buckets.items() if at >= bucket}
        if self._tick is not None:
            self._rebuild(self._tick)

    def state(self) -> list[tuple[int, int, int]]:
        """Buckets as plain values."""
        return [(bucket, held.total, held.bad) for bucket, held in self._buckets.items()]

    def load(self, state: Iterable[tuple[int, int, int]], tick: int | None) -> None:
        """Take the buckets of `state()` as they stood at a tick."""
        for bucket, total, bad in state:
            self.add(bucket, total, bad)
        if tick is not None:
            self._rebuild(tick)

    def _rebuild(self, tick: int) -> None:
        self._tick = tick
        first = tick - self._longest
        self._buckets = {at: held for at, held in self._buckets.items() if at >= first}
        for length, window in self._sums.items():
            inside = [held for at, held in self._buckets.items() if tick - length <= at < tick]
            window.total = sum(held.total for held in inside)
            window.bad = sum(held.bad for held in inside)
