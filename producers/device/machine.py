"""The sensors of the machine that a device process runs on: what Linux shows below /sys."""

from pathlib import Path
from typing import Final

LINUX: Final = Path("/sys")
_BATTERY: Final = "Battery"
_OWN: Final = "System"
_PLAUSIBLE_C: Final = (-60.0, 150.0)


class Machine:
    """Asks at every question: a sensor may come and go, and none is believed for long.

    Args:
        root: Folder of sysfs.
    """

    def __init__(self, root: Path = LINUX) -> None:
        self._thermal, self._power = root / "class/thermal", root / "class/power_supply"

    @property
    def senses(self) -> list[str]:
        """What it measures now, for people."""
        found = {"temperature": self.temperature_c(), "charge": self.state_of_charge()}
        return [name for name, value in found.items() if value is not None]

    def temperature_c(self) -> float | None:
        """Degrees Celsius of the hottest zone; None: no zone tells a plausible one."""
        low, high = _PLAUSIBLE_C
        zones = [_number(zone / "temp") for zone in self._thermal.glob("thermal_zone*")]
        told = [milli / 1_000 for milli in zones if milli is not None]
        return max((one for one in told if low <= one <= high), default=None)

    def state_of_charge(self) -> float | None:
        """Share of the emptiest battery that drives the machine, in [0, 1]; None: it has none.

        Batteries of what is plugged into it (scope Device), such as a mouse, drive nothing.
        """
        shares = [
            _number(supply / "capacity")
            for supply in self._power.glob("*")
            if _text(supply / "type") == _BATTERY and _text(supply / "scope") in ("", _OWN)
        ]
        told = [share / 100 for share in shares if share is not None]
        return min((one for one in told if 0 <= one <= 1), default=None)


def _number(path: Path) -> int | None:
    try:
        return int(_text(path))
    except ValueError:
        return None


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace").strip()
    except OSError:
        return ""  # a zone that sleeps gives EAGAIN or ENODATA
