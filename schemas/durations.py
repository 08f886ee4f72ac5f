"""Durations as OpenSLO writes them: a whole number and one unit."""

import re
from typing import Final

SECOND_US: Final = 1_000_000
UNITS_US: Final = {
    "us": 1,
    "ms": 1_000,
    "s": SECOND_US,
    "m": 60 * SECOND_US,
    "h": 3_600 * SECOND_US,
    "d": 86_400 * SECOND_US,
    "w": 7 * 86_400 * SECOND_US,
}
_PATTERN: Final = re.compile(rf"([0-9]{{1,9}})({'|'.join(UNITS_US)})")


def parse(text: object) -> int:
    """Microseconds of a duration such as 50ms, 20s or 30d.

    Raises:
        ValueError: It is not one.
    """
    match = _PATTERN.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(
            f"{text!r} is no duration: write a whole number and one of {', '.join(UNITS_US)}"
        )
    return int(match[1]) * UNITS_US[match[2]]


def spell(duration_us: int) -> str:
    """A duration in its largest whole unit: 300,000,000 is 5m; weeks are told in days."""
    for unit in ("d", "h", "m", "s", "ms"):
        if duration_us >= UNITS_US[unit] and duration_us % UNITS_US[unit] == 0:
            return f"{duration_us // UNITS_US[unit]}{unit}"
    return f"{duration_us}us"
