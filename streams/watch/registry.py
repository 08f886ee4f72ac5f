"""Which devices of a partition are expected to report, at any moment of the recent past."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from streams.hashing import Hashes

Ints = npt.NDArray[np.int64]

KEEP_US: Final = 3_600_000_000
"""How far back it can answer: further than one stored state of a partition is behind another."""
SLACK: Final = 10_000


@dataclass(frozen=True, slots=True)
class Versions:
    """What n registry records say, one row each: about 50 bytes beside the id's characters.

    Attributes:
        device: Number of the device (`hashing.hashes`).
        order: Rises with each record of a device.
        stamp_us: Broker's stamp of the record.
        patience_ms: How long the device may say nothing.
        group: Which fleet it belongs to; -1: nothing is expected of it.
        ids: Arrow strings.
    """

    device: Hashes
    order: Ints
    stamp_us: Ints
    patience_ms: npt.NDArray[np.int32]
    group: npt.NDArray[np.int16]
    ids: pa.Array

    def __len__(self) -> int:
        return len(self.device)

    def take(self, rows: Ints) -> "Versions":
        """Some of the rows."""
        numbers = {name: getattr(self, name)[rows] for name in _TYPES}
        return Versions(**numbers, ids=self.ids.take(pa.array(rows)))


_TYPES: Final[Mapping[str, Any]] = {
    "device": np.uint64,
    "order": np.int64,
    "stamp_us": np.int64,
    "patience_ms": np.int32,
    "group": np.int16,
}


def nothing() -> Versions:
    """No rows."""
    numbers = {name: np.zeros(0, kind) for name, kind in _TYPES.items()}
    return Versions(**numbers, ids=pa.array([], pa.string()))


class Registry:
    """The versions of each device's registry record, the latest and those of the last hour.

    What it answers for a moment depends on the records stamped until then and on nothing else,
    however far the log was read beyond: that is what lets two logs be read at their own pace.
    """

    def __init__(self) -> None:
        self._held = nothing()
        self._added: list[Versions] = []
        self._kept = 0
        self._answer: tuple[int, Versions | None] = (0, None)

    def __len__(self) -> int:
        return len(self._held) + sum(map(len, self._added))

    def add(self, versions: Versions) -> None:
        """Take records in log order; one that is there already changes nothing."""
        self._added.append(versions)

    def at(self, moment_us: int) -> Versions:
        """The latest record of each device of which something is expected, by rising number."""
        held = self._settled()
        told_us, answer = self._answer
        changed = (held.stamp_us > told_us) & (held.stamp_us <= moment_us)
        if answer is None or moment_us < told_us or changed.any():
            rows = _latest(held, moment_us)
            rows = rows[held.group[rows] >= 0]
            answer = held if len(rows) == len(held) else held.take(rows)  # mostly no copy
        self._answer = (moment_us, answer)
        return answer

    def erase(self, devices: Hashes) -> None:
        """Keep nothing of some devices, not even that they were there."""
        held = self._settled()
        self._held = held.take(np.flatnonzero(~np.isin(held.device, devices)))
        self._answer = (0, None)

    def forget(self, moment_us: int) -> None:
        """Drop what was no longer true an hour before a moment."""
        held = self._settled()
        if len(held) < 1.25 * self._kept + SLACK:
            return
        latest = np.zeros(len(held), dtype=np.bool_)
        latest[_latest(held, moment_us - KEEP_US)] = True
        kept = np.flatnonzero(latest | (held.stamp_us > moment_us - KEEP_US))
        self._held, self._kept = held.take(kept), len(kept)

    def state(self) -> dict[str, Any]:
        """All of it as plain values."""
        held = self._settled()
        numbers = {
            name: base64.b64encode(getattr(held, name).tobytes()).decode() for name in _TYPES
        }
        return {**numbers, "ids": held.ids.to_pylist()}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take the values of `state()`."""
        numbers = {
            name: np.frombuffer(base64.b64decode(state[name]), kind)
            for name, kind in _TYPES.items()
        }
        self._held = Versions(**numbers, ids=pa.array(state["ids"], pa.string()))
        self._kept, self._answer = len(self._held), (0, None)

    def _settled(self) -> Versions:
        """All versions by device and order, each once: the first that arrived."""
        if self._added:
            parts = [self._held, *self._added]
            numbers = {
                name: np.concatenate([getattr(part, name) for part in parts]) for name in _TYPES
            }
            whole = Versions(**numbers, ids=pa.concat_arrays([part.ids for part in parts]))
            rows = np.lexsort((whole.stamp_us, whole.order, whole.device))
            device, order = whole.device[rows], whole.order[rows]
            again = np.zeros(len(rows), dtype=np.bool_)
            again[1:] = (device[1:] == device[:-1]) & (order[1:] == order[:-1])
            self._held, self._added = whole.take(rows[~again]), []
            self._answer = (0, None)
        return self._held


def _latest(held: Versions, moment_us: int) -> Ints:
    """Row of the last version of each device that was stamped until then."""
    rows = np.flatnonzero(held.stamp_us <= moment_us)
    device = held.device[rows]
    last = np.ones(len(rows), dtype=np.bool_)
    last[:-1] = device[1:] != device[:-1]
    return rows[last]
