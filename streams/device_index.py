"""Which row belongs to a device: a hash table in arrays, exact, without an object for a device."""

from collections.abc import Mapping
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from streams.growing import grown
from streams.hashing import hashes

MAX_DEVICES: Final = 2_000_000
"""Devices that one index keeps when nothing else is said."""

COLUMNS: Final[Mapping[str, type]] = {"strata": np.uint8, "ends": np.int32, "ids": np.uint8}
"""What is kept of it; the rest is made of that."""

Rows = npt.NDArray[np.int64]
_EMPTY: Final = -1
_MAX_ID_BYTES: Final = (1 << 31) - 1
_FIRST_SLOTS: Final = 256
_MOST_FULL: Final = 0.6
_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)


class DeviceLimitError(RuntimeError):
    """More devices than a fold may keep; the message names the limit."""


class DeviceIndex:
    """Rows 0, 1, 2 ... of pairs (device, stratum), in the order in which they were first told.

    Open addressing with linear probing. 32 bits of the hash lead to a candidate, its whole id
    decides: two devices are never taken for one. Beside the id's own bytes 9 bytes a row, and 4 a
    slot, of which at most 60 % are taken.

    Args:
        limit: The most rows.
    """

    def __init__(self, limit: int = MAX_DEVICES) -> None:
        self._limit, self._count = limit, 0
        self._tags = np.zeros(0, np.uint32)
        self._strata = np.zeros(0, np.uint8)
        self._ends = np.zeros(1, np.int32)
        self._ids = np.zeros(0, np.uint8)
        self._slots = np.full(_FIRST_SLOTS, _EMPTY, np.int32)

    def __len__(self) -> int:
        return self._count

    @property
    def strata(self) -> npt.NDArray[np.uint8]:
        """Stratum of each row."""
        return self._strata[: self._count]

    @property
    def ids(self) -> pa.Array:
        """Device id of each row."""
        buffers = [None, pa.py_buffer(self._ends), pa.py_buffer(self._ids)]
        return pa.Array.from_buffers(pa.string(), self._count, buffers)

    def rows(self, devices: pa.Array, strata: npt.NDArray[np.uint8]) -> Rows:
        """Row of each of n devices (text) in its stratum; those not known yet are added.

        Raises:
            DeviceLimitError: One would be more than the limit.
        """
        tags = _tags(devices, strata)
        found = self._find(devices, strata, tags)
        while (new := np.flatnonzero(found == _EMPTY)).size:
            # Two new devices with one tag: the second is told apart, and added, the next time.
            first = new[np.unique(tags[new], return_index=True)[1]]
            first.sort()
            self._add(devices.take(pa.array(first)), strata[first], tags[first])
            found[new] = self._find(devices.take(pa.array(new)), strata[new], tags[new])
        return found

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """The state, as `COLUMNS` says: what `restored` takes."""
        ends = self._ends[: self._count + 1]
        return {"strata": self.strata, "ends": ends, "ids": self._ids[: ends[-1]]}

    @classmethod
    def restored(cls, columns: Mapping[str, npt.NDArray[Any]], limit: int = MAX_DEVICES) -> Self:
        """The index that these columns are of; they are its own from now on."""
        made = cls(limit)
        made._strata, made._ends, made._ids = (columns[name] for name in COLUMNS)
        made._count = len(made._strata)
        made._tags = _tags(made.ids, made._strata)
        made._spread_out()
        return made

    def _find(
        self, devices: pa.Array, strata: npt.NDArray[np.uint8], tags: npt.NDArray[np.uint32]
    ) -> Rows:
        """Row of each, -1 for those that are not there."""
        found = np.full(len(tags), _EMPTY, np.int64)
        asked = np.arange(len(tags))
        places = self._home(tags)
        while asked.size:
            at = self._slots[places]
            there = at != _EMPTY
            asked, places, at = asked[there], places[there], at[there]
            same = self._tags[at] == tags[asked]
            same[same] = self._is_same(at[same], devices, strata, asked[same])
            found[asked[same]] = at[same]
            asked, places = asked[~same], self._next(places[~same])
        return found

    def _is_same(
        self,
        at: npt.NDArray[np.int32],
        devices: pa.Array,
        strata: npt.NDArray[np.uint8],
        asked: Rows,
    ) -> npt.NDArray[np.bool_]:
        """Whether the rows are of the devices asked for, by id and stratum."""
        ids = pc.equal(self.ids.take(pa.array(at)), devices.take(pa.array(asked)))
        same: npt.NDArray[np.bool_] = ids.to_numpy(zero_copy_only=False)
        same &= self._strata[at] == strata[asked]
        return same

    def _add(
        self, devices: pa.Array, strata: npt.NDArray[np.uint8], tags: npt.NDArray[np.uint32]
    ) -> None:
        """Add devices that are not there, no two with the same tag."""
        before, after = self._count, self._count + len(tags)
        lengths = pc.binary_length(devices).to_numpy(zero_copy_only=False)
        ends = self._ends[before] + np.cumsum(lengths, dtype=np.int64)
        if after > self._limit or ends[-1] > _MAX_ID_BYTES:
            raise DeviceLimitError(
                f"device {devices[-1]} is one more than the limit of {self._limit} devices of a "
                f"partition, or their ids are longer than {_MAX_ID_BYTES} bytes; give the device "
                "topics more partitions"
            )
        self._tags, self._strata = grown(self._tags, after), grown(self._strata, after)
        self._ends, self._ids = grown(self._ends, after + 1), grown(self._ids, int(ends[-1]))
        self._tags[before:after], self._strata[before:after] = tags, strata
        self._ends[before + 1 : after + 1] = ends
        self._ids[self._ends[before] : ends[-1]] = _content(devices)
        self._count = after
        if after > _MOST_FULL * len(self._slots):
            self._spread_out()
        else:
            self._place(np.arange(before, after, dtype=np.int32))

    def _spread_out(self) -> None:
        """A larger table of slots, with every row in its place."""
        size = _FIRST_SLOTS
        while self._count > _MOST_FULL * size:
            size *= 2
        self._slots = grown(np.zeros(0, np.int32), size)
        self._slots[:] = _EMPTY
        self._place(np.arange(self._count, dtype=np.int32))

    def _place(self, rows: npt.NDArray[np.int32]) -> None:
        """Give each row the first free slot from its home on; of several at one slot one wins."""
        places = self._home(self._tags[rows])
        while rows.size:
            free = self._slots[places] == _EMPTY
            self._slots[places[free]] = rows[free]
            left = self._slots[places] != rows
            rows, places = rows[left], self._next(places[left])

    def _home(self, tags: npt.NDArray[np.uint32]) -> Rows:
        bits = len(self._slots).bit_length() - 1
        return (tags * _SPREAD >> np.uint64(64 - bits)).astype(np.int64)

    def _next(self, places: Rows) -> Rows:
        return (places + 1) & (len(self._slots) - 1)


def _tags(devices: pa.Array, strata: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    """32 bits that a device in a stratum most likely shares with no other."""
    whole = hashes(devices) ^ strata * _SPREAD
    tags: npt.NDArray[np.uint32] = (whole ^ whole >> np.uint64(32)).astype(np.uint32)
    return tags


def _content(texts: pa.Array) -> npt.NDArray[np.uint8]:
    """The UTF-8 bytes of texts, one after another."""
    _, offsets, data = texts.buffers()
    if data is None:
        return np.zeros(0, np.uint8)
    ends = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return np.frombuffer(data, np.uint8)[ends[0] : ends[-1]]
