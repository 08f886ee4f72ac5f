"""Which device records are new: a re-sent record is known by its place in the device's sequence.

A device's event id is `<device_id>/<boot>/<sequence>`: the sequence rises by one a record within
one boot and topic, boots rise. Kept for each device: its boot, its highest sequence and a 64-bit
map of that one and the 63 before it. So a record that comes late but within 64 is still taken once.
"""

import base64
import json
from array import array
from collections.abc import Iterable
from typing import Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

REACH: Final = 64
MAX_DEVICES: Final = 5_000_000
MANY: Final = 64
_MAP: Final = (1 << REACH) - 1
_PARTS: Final = 3
_DIGITS: Final = 18  # of these every number is below 2^63

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class TooManyDevicesError(RuntimeError):
    """More devices than the table may hold."""


class DeviceSequences:
    """What was seen of each device on one topic; keep one for each partition.

    24 bytes a device beside its name; three million records a second on one core, a million
    where each device has many records in a batch.

    Args:
        max_devices: Limit of the table.
    """

    def __init__(self, max_devices: int = MAX_DEVICES) -> None:
        self._max_devices = max_devices
        self._index: dict[str, int] = {}
        self._boots = array("q")
        self._highest = array("q")
        self._maps = array("Q")

    def __len__(self) -> int:
        return len(self._index)

    def fresh(
        self, device_ids: pa.Array | Iterable[str], event_ids: pa.Array | Iterable[str]
    ) -> npt.NDArray[np.bool_]:
        """Take note of n records in log order; False for those seen before or older than is known.

        An id of another form has no place in a sequence: it cannot be judged and is fresh.

        Returns:
            bool[n], in the order given.

        Raises:
            TooManyDevicesError: The table is full; the message names the limit.
        """
        names, ids = _texts(device_ids), _texts(event_ids)
        if len(names) != len(ids):
            raise ValueError(f"{len(names)} devices for {len(ids)} event ids: one each")
        placed, boots, sequences = places(ids)
        found = np.ones(len(ids), dtype=np.bool_)
        at = self.rows(names.to_pylist() if placed.all() else names.filter(placed).to_pylist())
        found[placed] = self._note(at, boots, sequences)
        return found

    def snapshot(self) -> bytes:
        """State as JSON; `restore` makes an equal object of it."""
        state = {
            "devices": list(self._index),
            "boots": _packed(self._boots),
            "highest": _packed(self._highest),
            "maps": _packed(self._maps),
        }
        return json.dumps(state, separators=(",", ":")).encode()

    @classmethod
    def restore(cls, snapshot: bytes, max_devices: int = MAX_DEVICES) -> Self:
        """Make the object that gave this snapshot."""
        state = json.loads(snapshot)
        made = cls(max_devices)
        made._index = {device: index for index, device in enumerate(state["devices"])}
        made._boots.frombytes(base64.b64decode(state["boots"]))
        made._highest.frombytes(base64.b64decode(state["highest"]))
        made._maps.frombytes(base64.b64decode(state["maps"]))
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DeviceSequences) and self.snapshot() == other.snapshot()

    __hash__ = None  # type: ignore[assignment] # it changes, so it is no key

    def rows(self, devices: list[str]) -> Ints:
        """Row of each device in the table, for ever its own; new ones are added as never heard.

        Raises:
            TooManyDevicesError: The table is full; the message names the limit.
        """
        index = self._index
        at = np.fromiter((index.get(device, -1) for device in devices), np.int64, len(devices))
        for row in np.flatnonzero(at < 0).tolist():
            if devices[row] not in index:
                self._add(devices[row])
            at[row] = index[devices[row]]
        return at

    def _note(self, at: Ints, boots: Ints, sequences: Ints) -> Mask:
        """Judge records in log order: first each device's first one, then each one's second."""
        fresh = np.ones(len(at), dtype=np.bool_)
        order = np.argsort(at, kind="stable")
        ordered = at[order]
        rank = np.arange(len(at)) - np.searchsorted(ordered, ordered, side="left")
        in_turn = np.argsort(rank, kind="stable")
        rounds = np.bincount(rank)
        done = 0
        for size in rounds[rounds >= MANY].tolist():
            rows = order[in_turn[done : done + size]]
            fresh[rows] = self._note_each(at[rows], boots[rows], sequences[rows])
            done += size
        for row in order[in_turn[done:]].tolist():
            fresh[row] = self._note_one(int(at[row]), int(boots[row]), int(sequences[row]))
        return fresh

    def _note_each(self, at: Ints, boots: Ints, sequences: Ints) -> Mask:
        """Judge one record of each of many different devices: `_note_one` by columns."""
        known = np.frombuffer(self._boots, np.int64)
        highest = np.frombuffer(self._highest, np.int64)
        maps = np.frombuffer(self._maps, np.uint64)
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

    def _note_one(self, at: int, boot: int, sequence: int) -> bool:
        known = self._boots[at]
        if boot != known:
            return boot > known and self._renew(at, boot, sequence)
        ahead = sequence - self._highest[at]
        if ahead > 0:
            self._highest[at] = sequence
            self._maps[at] = (self._maps[at] << ahead & _MAP | 1) if ahead < REACH else 1
            return True
        bit = 1 << -ahead if ahead > -REACH else 0
        if not bit or self._maps[at] & bit:
            return False
        self._maps[at] |= bit
        return True

    def _add(self, device: str) -> None:
        if len(self._index) >= self._max_devices:
            raise TooManyDevicesError(
                f"device {device!r} would be one more than the limit of {self._max_devices} "
                "devices a partition; add partitions or raise the limit"
            )
        self._index[device] = len(self._index)
        self._boots.append(-1)
        self._highest.append(-1)
        self._maps.append(0)

    def _renew(self, at: int, boot: int, sequence: int) -> bool:
        self._boots[at] = boot
        self._highest[at] = sequence
        self._maps[at] = 1
        return True


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


def _texts(values: pa.Array | Iterable[str]) -> pa.Array:
    return values if isinstance(values, pa.Array) else pa.array(values, pa.string())


def _packed(values: "array[int]") -> str:
    return base64.b64encode(values.tobytes()).decode()
