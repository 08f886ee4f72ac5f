"""Which device records are new: a re-sent record is known by its place in the device's sequence.

A device's event id is `<device_id>/<boot>/<sequence>`: the sequence rises by one a record within
one boot and topic, boots rise. Kept for each device: its boot, its highest sequence and a 64-bit
map of that one and the 63 before it. So a record that comes late but within 64 is still taken once.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from streams.device_index import COLUMNS as INDEX_COLUMNS
from streams.device_index import DeviceIndex
from streams.growing import grown, owned
from streams.turns import turns

REACH: Final = 64
MAX_DEVICES: Final = 5_000_000
MANY: Final = 64
COLUMNS: Final[Mapping[str, type]] = {
    "boots": np.int64,
    "highest": np.int64,
    "maps": np.uint64,
}
"""What is kept of a device beside its id."""
_MAP: Final = (1 << REACH) - 1
_PARTS: Final = 3
_DIGITS: Final = 18  # of these every number is below 2^63
_NEVER: Final = -1

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class DeviceSequences:
    """What was seen of each device on one topic; keep one for each partition.

    24 bytes a device beside its place in the index; two million records a second on one core, a
    million where each device has many records in a batch.

    Args:
        max_devices: Limit of the table.
    """

    def __init__(self, max_devices: int = MAX_DEVICES) -> None:
        self._index = DeviceIndex(max_devices)
        self._columns: dict[str, npt.NDArray[Any]] = {
            name: np.zeros(0, kind) for name, kind in COLUMNS.items()
        }

    def __len__(self) -> int:
        return len(self._index)

    def fresh(
        self, device_ids: pa.Array | Iterable[str], event_ids: pa.Array | Iterable[str]
    ) -> Mask:
        """Take note of n records in log order; False for those seen before or older than is known.

        An id of another form has no place in a sequence: it cannot be judged and is fresh.

        Returns:
            bool[n], in the order given.

        Raises:
            DeviceLimitError: The table is full; the message names the limit.
        """
        names, ids = _texts(device_ids), _texts(event_ids)
        if len(names) != len(ids):
            raise ValueError(f"{len(names)} devices for {len(ids)} event ids: one each")
        placed, boots, sequences = places(ids)
        found = np.ones(len(ids), dtype=np.bool_)
        at = self.rows(names if placed.all() else names.filter(placed))
        found[placed] = self._note(at, boots, sequences)
        return found

    def rows(self, devices: pa.Array) -> Ints:
        """Row of each device in the table, for ever its own; new ones are added as never heard.

        Raises:
            DeviceLimitError: The table is full; the message names the limit.
        """
        before = len(self._index)
        told = pc.dictionary_encode(devices)
        found = self._index.rows(told.dictionary, np.zeros(len(told.dictionary), np.uint8))
        for name, column in self._columns.items():
            self._columns[name] = grown(column, len(self._index))
        self._columns["boots"][before : len(self._index)] = _NEVER
        self._columns["highest"][before : len(self._index)] = _NEVER
        rows: Ints = found[told.indices.to_numpy()]
        return rows

    def packed(self) -> Iterator[tuple[str, memoryview]]:
        """The state, column by column, valid until the next record; `unpacked` takes the bytes."""
        own = {name: column[: len(self)] for name, column in self._columns.items()}
        for name, column in (own | self._index.columns()).items():
            yield name, column.view(np.uint8).data

    @classmethod
    def unpacked(cls, packed: Mapping[str, bytes], max_devices: int = MAX_DEVICES) -> Self:
        """The table that was packed."""
        made = cls(max_devices)
        kinds = {**COLUMNS, **INDEX_COLUMNS}
        columns = {name: owned(packed[name], kind) for name, kind in kinds.items()}
        made._columns = {name: columns[name] for name in COLUMNS}
        made._index = DeviceIndex.restored(columns, max_devices)
        return made

    def _note(self, at: Ints, boots: Ints, sequences: Ints) -> Mask:
        """Judge records in log order: first each device's first one, then each one's second."""
        fresh = np.ones(len(at), dtype=np.bool_)
        columns = [self._columns[name].data for name in COLUMNS]
        for rows in turns(at):
            if len(rows) >= MANY:
                fresh[rows] = self._note_each(at[rows], boots[rows], sequences[rows])
                continue
            for row in rows.tolist():
                fresh[row] = _note_one(columns, int(at[row]), int(boots[row]), int(sequences[row]))
        return fresh

    def _note_each(self, at: Ints, boots: Ints, sequences: Ints) -> Mask:
        """Judge one record of each of many different devices: `_note_one` by columns."""
        known, highest, maps = (self._columns[name] for name in COLUMNS)
        same, newer = boots == known[at], boots > known[at]
        # A device never heard has no highest sequence to subtract: its boot is newer anyway.
        ahead = np.where(same, sequences - np.maximum(highest[at], 0), 0)
        forward = same & (ahead > 0)
        held, one = maps[at], np.uint64(1)
        bit = one << np.clip(-ahead, 0, REACH - 1).astype(np.uint64)
        late = same & (ahead <= 0) & (ahead > -REACH) & (held & bit == 0)
        shifted = held << np.clip(ahead, 0, REACH - 1).astype(np.uint64) | one
        held = np.where(late, held | bit, np.where(forward & (ahead < REACH), shifted, held))
        maps[at] = np.where(newer | forward & (ahead >= REACH), one, held)
        highest[at] = np.where(newer | forward, sequences, highest[at])
        known[at] = np.where(newer, boots, known[at])
        fresh: Mask = newer | forward | late
        return fresh


def places(event_ids: pa.Array) -> tuple[Mask, Ints, Ints]:
    """Which ids end in `/<boot>/<sequence>`, and boots and sequences of those."""
    parts = pc.split_pattern(event_ids, "/", max_splits=_PARTS - 1, reverse=True)
    placed = pc.list_value_length(parts).to_numpy() == _PARTS
    if not placed.all():
        parts = parts.filter(placed)
    boots, sequences = pc.list_element(parts, 1), pc.list_element(parts, 2)
    sound = _is_number(boots) & _is_number(sequences)
    if not sound.all():
        placed[placed] = sound
        boots, sequences = boots.filter(sound), sequences.filter(sound)
    return placed, boots.cast(pa.int64()).to_numpy(), sequences.cast(pa.int64()).to_numpy()


def _is_number(texts: pa.Array) -> Mask:
    """Which are plain decimal digits of a number below 2^63."""
    digits: Mask = pc.ascii_is_decimal(texts).to_numpy(zero_copy_only=False)
    long = pc.greater(pc.binary_length(texts), _DIGITS).to_numpy(zero_copy_only=False)
    for row in np.flatnonzero(digits & long).tolist():
        digits[row] = int(texts[row].as_py()) < 1 << 63
    return digits


def _note_one(columns: list[memoryview], at: int, boot: int, sequence: int) -> bool:
    """Judge one record; whether it is fresh."""
    boots, highest, maps = columns
    if boot != boots[at]:
        if boot > boots[at]:
            boots[at], highest[at], maps[at] = boot, sequence, 1
            return True
        return False
    ahead = sequence - highest[at]
    if ahead > 0:
        highest[at] = sequence
        maps[at] = (maps[at] << ahead & _MAP | 1) if ahead < REACH else 1
        return True
    bit = 1 << -ahead if ahead > -REACH else 0
    if not bit or maps[at] & bit:
        return False
    maps[at] |= bit
    return True


def _texts(values: pa.Array | Iterable[str]) -> pa.Array:
    return values if isinstance(values, pa.Array) else pa.array(values, pa.string())
