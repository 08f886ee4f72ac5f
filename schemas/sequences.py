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

REACH: Final = 64
MAX_DEVICES: Final = 5_000_000
_MAP: Final = (1 << REACH) - 1


class TooManyDevicesError(RuntimeError):
    """More devices than the table may hold."""


class DeviceSequences:
    """What was seen of each device on one topic; keep one for each partition.

    24 bytes a device beside its name; a million records a second on one core.

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
        places = zip(_texts(device_ids), map(_place, _texts(event_ids)), strict=True)
        return np.fromiter(
            (place is None or self._note(device, *place) for device, place in places),
            dtype=np.bool_,
        )

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

    def _note(self, device: str, boot: int, sequence: int) -> bool:
        at = self._index.get(device)
        if at is None:
            self._add(device, boot, sequence)
            return True
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

    def _add(self, device: str, boot: int, sequence: int) -> None:
        if len(self._index) >= self._max_devices:
            raise TooManyDevicesError(
                f"device {device!r} would be one more than the limit of {self._max_devices} "
                "devices a partition; add partitions or raise the limit"
            )
        self._index[device] = len(self._index)
        self._boots.append(boot)
        self._highest.append(sequence)
        self._maps.append(1)

    def _renew(self, at: int, boot: int, sequence: int) -> bool:
        self._boots[at] = boot
        self._highest[at] = sequence
        self._maps[at] = 1
        return True


def _place(event_id: str) -> tuple[int, int] | None:
    """Boot and sequence of an event id, None when it has not that form."""
    parts = event_id.rsplit("/", 2)
    try:
        _, boot, sequence = parts
        place = int(boot), int(sequence)
    except ValueError:
        return None
    return place if all(map(_in_range, place)) else None


def _in_range(number: int) -> bool:
    return 0 <= number < 1 << 63


def _texts(values: pa.Array | Iterable[str]) -> Iterable[str]:
    return values.to_pylist() if isinstance(values, (pa.Array, pa.ChunkedArray)) else values


def _packed(values: "array[int]") -> str:
    return base64.b64encode(values.tobytes()).decode()
