"""The words of two crash report forms as one vocabulary."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from schemas.moments import micros

_REDACTED: Final = "[REDACTED"
_NO_VERSION: Final = frozenset({"", "-", "n/a", "unknown"})
_SEVERITIES: Final[Mapping[str, str]] = {
    "fatal": "FATAL",
    "serious": "SERIOUS",
    "moderate": "MODERATE",
    "minor": "MINOR",
    "no injur": "NO_INJURY",
    "property damage": "NO_INJURY",
}
_ENGAGED: Final[Mapping[str, bool]] = {
    "ADS": True,
    "ADAS": True,
    "Verified Engaged": True,
    "Verified Not Engaged": False,
}


def severity(text: str) -> str:
    """FATAL, SERIOUS, MODERATE, MINOR, NO_INJURY, or UNKNOWN: by how the cell begins."""
    told = text.lower()
    found = (name for start, name in _SEVERITIES.items() if told.startswith(start))
    return next(found, "UNKNOWN")


def engaged(text: str) -> bool | None:
    """Whether automation was engaged; what is only alleged or not known stays null."""
    return _ENGAGED.get(text)


def software(text: str) -> str | None:
    """A version without commas and doubled blanks, so that spellings meet; None: not told."""
    told = re.sub(r"[\s,]+", " ", text).strip()
    if told.lower() in _NO_VERSION or told.startswith(_REDACTED):
        return None
    return told


def month(text: str) -> str:
    """MON-YYYY as YYYY-MM; empty stays empty.

    Raises:
        ValueError: Another form.
    """
    return f"{_parsed(text):%Y-%m}" if text else ""


def month_us(text: str) -> int:
    """First moment of a month, UTC microseconds: no day is published.

    Raises:
        ValueError: Another form, or empty.
    """
    return micros(_parsed(text))


def _parsed(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%b-%Y").replace(tzinfo=UTC)
    except ValueError:
        raise ValueError(f"{text!r} is no month, such as MAR-2026") from None
