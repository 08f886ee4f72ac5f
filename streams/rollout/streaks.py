"""Devices judged by latency: a device fails by windows over in a row, never by a single one."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from streams.blobs import Blobs, Reading
from streams.growing import grown, owned
from streams.rollout.policy import Policy
from streams.rollout.retirement import Retired
from streams.turns import Ints, turns

COLUMNS: Final[Mapping[str, type]] = {"judged": np.uint16, "streak": np.uint8}
"""What is kept of a device: windows judged, and how many of the last were over in a row."""

_FAILED: Final = 255
_MOST_JUDGED: Final = 65_535

Mask = npt.NDArray[np.bool_]


class Changes(NamedTuple):
    """What each of n windows adds to the counts of judged, passing and failed devices, int64[n]."""

    judged: Ints
    passed: Ints
    failed: Ints


class Streaks:
    """A device fails a release for good with `windows_over` windows over in a row.

    It passes while it has `windows_judged` without. Devices are counted, not windows: the
    windows of one device are not independent. Three bytes for each release and device.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._tables: dict[str, _Table] = {}

    def judge(self, release_id: str, devices: Ints, over: Mask) -> Changes:
        """Include windows of a release in log order.

        Args:
            release_id: Which.
            devices: Number of each window's device, from 0 on.
            over: Whether it was over.
        """
        return self._tables.setdefault(release_id, _Table(self._policy)).judge(devices, over)

    def drop_retired(self, retired_us: Retired, read_us: int) -> None:
        """Forget the devices of releases that were history by the stamp up to which was read."""
        self._tables = {
            release: table
            for release, table in self._tables.items()
            if (since_us := retired_us(release)) is None or since_us > read_us
        }

    def state(self, blobs: Blobs) -> dict[str, Any]:
        """State as JSON values, and the columns beside them."""
        return {
            release: blobs.put_all(table.packed())
            for release, table in sorted(self._tables.items())
        }

    def restore(self, state: dict[str, Any], reading: Reading) -> None:
        """Go on from what `state` gave."""
        self._tables = {
            release: _Table.unpacked(reading.get_all(numbers), self._policy)
            for release, numbers in state.items()
        }


class _Table:
    """The devices of one release."""

    def __init__(self, policy: Policy) -> None:
        self._over, self._enough = policy.windows_over, policy.windows_judged
        self._known = 0
        self._columns: dict[str, npt.NDArray[Any]] = {
            name: np.zeros(0, kind) for name, kind in COLUMNS.items()
        }

    def judge(self, devices: Ints, over: Mask) -> Changes:
        """Include windows in log order."""
        self._known = max(self._known, int(devices.max(initial=-1)) + 1)
        for name, column in self._columns.items():
            self._columns[name] = grown(column, self._known)
        found = Changes(*(np.zeros(len(devices), np.int64) for _ in Changes._fields))
        for at in turns(devices):
            for column, told in zip(found, self._judge_each(devices[at], over[at]), strict=True):
                column[at] = told
        return found

    def packed(self) -> Iterator[tuple[str, memoryview]]:
        """The state, column by column, valid until the next window; `unpacked` takes the bytes."""
        for name, column in self._columns.items():
            yield name, column[: self._known].view(np.uint8).data

    @classmethod
    def unpacked(cls, packed: Mapping[str, bytes], policy: Policy) -> Self:
        """The table that was packed."""
        made = cls(policy)
        made._columns = {name: owned(packed[name], kind) for name, kind in COLUMNS.items()}
        made._known = len(made._columns["streak"])
        return made

    def _judge_each(self, devices: Ints, over: Mask) -> Changes:
        """Include one window of each of different devices."""
        windows, streak = (self._columns[name] for name in COLUMNS)
        before, was = windows[devices].astype(np.int64), streak[devices].astype(np.int64)
        alive = was != _FAILED
        after = np.minimum(before + alive, _MOST_JUDGED)
        now = np.where(over, was + 1, 0)
        fails = alive & (now >= self._over)
        windows[devices] = after
        streak[devices] = np.where(~alive | fails, _FAILED, now)
        passed, passes = before >= self._enough, after >= self._enough
        return Changes(
            judged=(alive & (before == 0)).astype(np.int64),
            passed=(alive & ~passed & passes & ~fails).astype(np.int64) - (fails & passed),
            failed=fails.astype(np.int64),
        )
