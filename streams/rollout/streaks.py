"""Devices judged by latency: a device fails by windows over in a row, never by a single one."""

import base64
from array import array
from typing import Any, Final, NamedTuple

from streams.rollout.attempts import MAX_DEVICES, DeviceLimitError
from streams.rollout.policy import Policy

_FAILED: Final = 255
_MOST_JUDGED: Final = 65_535


class Change(NamedTuple):
    """What one window adds to the counts of judged, passing and failed devices."""

    judged: int = 0
    passed: int = 0
    failed: int = 0


class Streaks:
    """A device fails for good with `windows_over` windows over in a row.

    It passes while it has `windows_judged` without. Devices are counted, not windows: the
    windows of one device are not independent.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._devices: dict[tuple[str, str], int] = {}
        self._judged = array("H")
        self._streak = array("B")

    def judge(self, release_id: str, device_id: str, *, is_over: bool) -> Change:
        """Include a window.

        Raises:
            DeviceLimitError: It would be one device more than MAX_DEVICES.
        """
        row = self._row(release_id, device_id)
        if self._streak[row] == _FAILED:
            return Change()
        first = self._judged[row] == 0
        passed = self._judged[row] >= self._policy.windows_judged
        self._judged[row] = min(self._judged[row] + 1, _MOST_JUDGED)
        self._streak[row] = self._streak[row] + 1 if is_over else 0
        if self._streak[row] >= self._policy.windows_over:
            self._streak[row] = _FAILED
            return Change(judged=first, passed=-passed, failed=1)
        passes = not passed and self._judged[row] >= self._policy.windows_judged
        return Change(judged=first, passed=passes)

    def state(self) -> list[Any]:
        """State as JSON values."""
        columns = (self._judged, self._streak)
        packed = [base64.b64encode(column.tobytes()).decode() for column in columns]
        return [list(self._devices), *packed]

    def restore(self, state: list[Any]) -> None:
        """Go on from what `state` gave."""
        devices, judged, streak = state
        self._devices = {(release, device): at for at, (release, device) in enumerate(devices)}
        self._judged.frombytes(base64.b64decode(judged))
        self._streak.frombytes(base64.b64decode(streak))

    def _row(self, release_id: str, device_id: str) -> int:
        row = self._devices.get((release_id, device_id))
        if row is None:
            row = len(self._devices)
            if row >= MAX_DEVICES:
                raise DeviceLimitError(
                    f"rollout: device {device_id} is one more than MAX_DEVICES={MAX_DEVICES} "
                    "judged in one partition; give the device topics more partitions"
                )
            self._devices[release_id, device_id] = row
            self._judged.append(0)
            self._streak.append(0)
        return row
