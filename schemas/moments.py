"""Moments as RFC 3339 writes them, in UTC: what every table, message and notification shows."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_PATTERN: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)")


def parse(text: str) -> int:
    """UTC microseconds of a moment such as 2026-01-31T08:00:00Z.

    Raises:
        ValueError: It is none, or names no zone.
    """
    try:
        moment = datetime.fromisoformat(text.upper()) if _PATTERN.fullmatch(text) else None
    except ValueError:  # the 31st of February
        moment = None
    if moment is None:
        raise ValueError(f"{text[:40]!r} is no time; write it as 2026-01-31T08:00:00Z")
    return micros(moment)


def micros(moment: datetime) -> int:
    """UTC microseconds of a moment that knows its zone."""
    return (moment - _EPOCH) // _MICROSECOND


def spell(time_us: int) -> str:
    """UTC microseconds as Go prints them: no trailing zeros in the fraction."""
    moment = _EPOCH + timedelta(microseconds=time_us)
    fraction = f".{moment.microsecond:06d}".rstrip("0").rstrip(".")
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"
