"""When each device of a partition was heard last, as two sorted arrays: 16 bytes a device."""

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from streams.hashing import Hashes

Ints = npt.NDArray[np.int64]


class Hearing:
    """Last sign of life by device number."""

    def __init__(self) -> None:
        self._device: Hashes = np.zeros(0, np.uint64)
        self._heard_us: Ints = np.zeros(0, np.int64)

    def __len__(self) -> int:
        return len(self._device)

    def note(self, device: Hashes, stamps_us: Ints) -> None:
        """Take signs of life in log order: stamps never fall."""
        order = np.argsort(device, kind="stable")
        ordered = device[order]
        last = np.ones(len(ordered), dtype=np.bool_)
        last[:-1] = ordered[1:] != ordered[:-1]
        fresh, heard = ordered[last], stamps_us[order[last]]
        places = np.searchsorted(self._device, fresh)
        known = self._is_at(places, fresh)
        self._heard_us[places[known]] = heard[known]
        if not known.all():
            self._device = np.insert(self._device, places[~known], fresh[~known])
            self._heard_us = np.insert(self._heard_us, places[~known], heard[~known])

    def last(self, device: Hashes) -> Ints:
        """Stamp at which each device was heard last; 0: never."""
        places = np.searchsorted(self._device, device)
        known = self._is_at(places, device)
        found = np.zeros(len(device), dtype=np.int64)
        found[known] = self._heard_us[places[known]]
        return found

    def forget_before(self, moment_us: int) -> None:
        """Drop devices that were not heard since: the registry tells how long they are missed."""
        kept = self._heard_us >= moment_us
        if not kept.all():
            self._device, self._heard_us = self._device[kept], self._heard_us[kept]

    def state(self) -> dict[str, str]:
        """All of it as plain values."""
        return {
            "device": base64.b64encode(self._device.tobytes()).decode(),
            "heard_us": base64.b64encode(self._heard_us.tobytes()).decode(),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take the values of `state()`."""
        self._device = np.frombuffer(base64.b64decode(state["device"]), np.uint64).copy()
        self._heard_us = np.frombuffer(base64.b64decode(state["heard_us"]), np.int64).copy()

    def _is_at(self, places: npt.NDArray[np.intp], device: Hashes) -> npt.NDArray[np.bool_]:
        if len(self._device) == 0:
            return np.zeros(len(device), dtype=np.bool_)
        found: npt.NDArray[np.bool_] = (
            self._device[np.minimum(places, len(self._device) - 1)] == device
        )
        return found
