"""Counts of all keys by bucket of event time: as narrow as they fit, the older ones compressed."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from streams.blobs import Blobs, Reading

Column = npt.NDArray[Any]
"""Events (row 0) and bad events (row 1) of a bucket by key: whole numbers, shape [2, keys]."""

SMALL: Final = 512
_WIDTHS: Final = (np.uint8, np.uint16, np.uint32, np.int64)
_LIMITS: Final = {1: 2**8 - 1, 2: 2**16 - 1, 4: 2**32 - 1, 8: 2**63 - 1}
_BY_SIZE: Final = {np.dtype(width).itemsize: width for width in _WIDTHS}


class Counts:
    """One column for each bucket that holds an event.

    A column is as wide as its largest count needs, so that 4,700 buckets of a key take some
    20 kB. What `freeze` has compressed is thawed when an event still comes.
    """

    def __init__(self) -> None:
        self._hot: dict[int, Column] = {}
        self._cold: dict[int, bytes] = {}
        self._codec = pa.Codec("zstd", 1)

    def __bool__(self) -> bool:
        return bool(self._hot or self._cold)

    def __iter__(self) -> Iterator[int]:
        """Buckets held, in no order."""
        yield from self._hot
        yield from self._cold

    def read(self, bucket: int) -> Column | None:
        """Counts of a bucket, not to be written to; None: nothing happened in it."""
        held = self._hot.get(bucket)
        if held is not None:
            return held
        frozen = self._cold.get(bucket)
        return None if frozen is None else self._thaw(frozen)

    def cell(self, bucket: int, row: int) -> tuple[int, int]:
        """Events and bad events of one key."""
        column = self._editable(bucket)
        if column is None or row >= column.shape[1]:
            return 0, 0
        return int(column[0, row]), int(column[1, row])

    def add(self, bucket: int, row: int, total: int, bad: int) -> None:
        """Add to one key."""
        column = self._editable(bucket)
        if column is None or row >= column.shape[1]:
            longer = np.zeros((2, row + row // 8 + 8), np.uint8 if column is None else column.dtype)
            if column is not None:
                longer[:, : column.shape[1]] = column
            column = longer
        total += int(column[0, row])
        bad += int(column[1, row])
        column = _wide_enough(column, max(total, bad))
        column[0, row], column[1, row] = total, bad
        self._hot[bucket] = column

    def merge(self, bucket: int, added: Column) -> None:
        """Add a column to a bucket."""
        held = self._editable(bucket)
        if held is None:
            self._hot[bucket] = added.copy()
            return
        size = max(held.shape[1], added.shape[1])
        merged = np.zeros((2, size), dtype=np.int64)
        merged[:, : held.shape[1]] += held
        merged[:, : added.shape[1]] += added
        self._hot[bucket] = _narrow(merged)

    def clear(self, row: int, before: int) -> None:
        """Take one key's counts out of the buckets before `before`."""
        for bucket in [at for at in self if at < before]:
            column = self.read(bucket)
            if column is not None and row < column.shape[1] and column[0, row]:
                self.cell(bucket, row)  # makes it writable
                self._hot[bucket][:, row] = 0

    def freeze(self, before: int) -> None:
        """Compress the buckets before `before`; small ones are not worth it."""
        for bucket in [at for at in self._hot if at < before]:
            if self._hot[bucket].nbytes > SMALL:
                self._cold[bucket] = self._frozen(self._hot.pop(bucket))

    def pop(self, bucket: int) -> None:
        """Forget one bucket."""
        self._hot.pop(bucket, None)
        self._cold.pop(bucket, None)

    def drop(self, before: int) -> None:
        """Forget the buckets before `before`."""
        for held in (self._hot, self._cold):
            for bucket in [at for at in held if at < before]:
                del held[bucket]

    def state(self, blobs: Blobs) -> list[list[int]]:
        """Buckets, each with the number of its blob."""
        hot = ((at, self._frozen(column)) for at, column in self._hot.items())
        return [[at, blobs.put(frozen)] for at, frozen in (*self._cold.items(), *hot)]

    def load(self, state: Iterable[tuple[int, int]], blobs: Reading) -> None:
        """Take the buckets of `state()`."""
        self._cold = {at: blobs.get(number) for at, number in state}

    def _editable(self, bucket: int) -> Column | None:
        frozen = self._cold.pop(bucket, None)
        if frozen is not None:
            self._hot[bucket] = self._thaw(frozen).copy()
        return self._hot.get(bucket)

    def _frozen(self, column: Column) -> bytes:
        head = bytes([column.dtype.itemsize]) + column.shape[1].to_bytes(4, "little")
        packed: bytes = self._codec.compress(column.tobytes(), asbytes=True)
        return bytes(head + packed)

    def _thaw(self, frozen: bytes) -> Column:
        width, size = frozen[0], int.from_bytes(frozen[1:5], "little")
        raw = self._codec.decompress(frozen[5:], 2 * width * size, asbytes=True)
        return np.frombuffer(raw, dtype=_BY_SIZE[width]).reshape(2, size)


def _wide_enough(column: Column, largest: int) -> Column:
    if largest <= _LIMITS[column.dtype.itemsize]:
        return column
    return column.astype(_width(largest))


def _narrow(column: Column) -> Column:
    return column.astype(_width(int(column.max(initial=0))))


def _width(largest: int) -> Any:
    """The narrowest kind of number that holds it; above 2^63 - 1 nothing does.

    Raises:
        OverflowError: The count is larger.
    """
    for width in _WIDTHS:
        if largest <= _LIMITS[np.dtype(width).itemsize]:
            return width
    raise OverflowError(f"{largest} events in one bucket: more than 2^63 - 1 cannot be counted")
