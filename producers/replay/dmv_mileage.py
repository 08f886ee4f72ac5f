"""Autonomous miles by vehicle and month, and whether the declared events are the reported ones."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from producers.replay.dmv_dates import CALIFORNIA
from producers.replay.events import Event, Item, Note, Refused, event_id, source_of
from producers.replay.tables import MALFORMED, Row, optional_number, rows
from schemas.moments import micros

_VIN: Final = "VIN NUMBER"
_DECLARED: Final = "Annual Total of Disengagements"
_TOTAL: Final = "ANNUAL TOTAL"
_SOURCE: Final = source_of("dmv")


def _months(year: int) -> dict[str, datetime]:
    """Column and first day of each month of a report year."""
    names = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JULY", "AUG", "SEP", "OCT", "NOV")
    first = {f"DEC {year - 1}": datetime(year - 1, 12, 1, tzinfo=CALIFORNIA)}
    return first | {
        f"{name} {year}": datetime(year, month, 1, tzinfo=CALIFORNIA)
        for month, name in enumerate(names, 1)
    }


@dataclass(slots=True)
class Declared:
    """Sums of a mileage file. Miles by the ANNUAL TOTAL column, and by adding the months up."""

    events: Counter[str] = field(default_factory=Counter)
    vehicles: set[str] = field(default_factory=set)
    stated_miles: float = 0.0
    monthly_miles: float = 0.0
    without_total: int = 0

    def notes(self, reported: Counter[str]) -> Iterator[Note]:
        """What was declared, and each permit that reported another number of events."""
        yield Note("mileage: vehicles", len(self.vehicles))
        yield Note("mileage: miles by ANNUAL TOTAL", round(self.stated_miles, 1))
        yield Note("mileage: miles by months", round(self.monthly_miles, 1))
        yield Note("mileage: rows without ANNUAL TOTAL", self.without_total)
        yield Note("events reported", reported.total())
        yield Note("events declared", self.events.total())
        for permit in sorted(reported.keys() | self.events.keys()):
            if reported[permit] != self.events[permit]:
                told = f"{reported[permit]} reported, {self.events[permit]} declared"
                yield Note(f"mismatch of permit {permit}", told)


def mileage(folder: Path, file: str, year: int, start: int, declared: Declared) -> Iterator[Item]:
    """One event for each vehicle and month; an empty cell stays null.

    Args:
        folder: Of the data set.
        file: The table.
        year: Its report year.
        start: Rows of the set before it.
        declared: Takes the sums.
    """
    months = _months(year)
    columns = ("Manufacturer", "Permit Number", _VIN, _DECLARED, *months, _TOTAL)
    for row in rows(folder, file, columns, start=start):
        if isinstance(row, Refused):
            yield row
            continue
        try:
            miles = {month: _miles(row, month) for month in months}
            _add(declared, row, miles)
        except ValueError as error:
            yield row.refused(MALFORMED, str(error))
            continue
        yield from _events(row, months, miles, start)


def _events(
    row: Row, months: dict[str, datetime], miles: dict[str, float | None], start: int
) -> Iterator[Event]:
    vin = row.cells[_VIN].strip()
    for place, (name, first) in enumerate(months.items()):
        # A row is twelve events: their numbers follow on behind all rows of the set's events.
        number = start + (row.row - 1) * len(months) + place + 1
        yield Event(
            at_us=micros(first),
            kind="mileage",
            file=row.file,
            row=row.row,
            body={
                "event_id": event_id(vin, number),
                "source": _SOURCE,
                "device_id": vin,
                "operator_id": row.cells["Permit Number"].strip(),
                "month": f"{first:%Y-%m}",
                "miles": miles[name],
            },
        )


def _add(declared: Declared, row: Row, miles: dict[str, float | None]) -> None:
    text = row.cells[_DECLARED].strip()
    if not text.isdecimal():
        raise ValueError(f"{_DECLARED}: {text!r} is no whole number")
    if not row.cells[_VIN].strip():
        raise ValueError(f"{_VIN} is empty")
    total = _miles(row, _TOTAL)
    declared.events[row.cells["Permit Number"].strip()] += int(text)
    declared.vehicles.add(row.cells[_VIN].strip())
    declared.stated_miles += total or 0.0
    declared.without_total += total is None
    declared.monthly_miles += sum(value for value in miles.values() if value is not None)


def _miles(row: Row, column: str) -> float | None:
    try:
        return optional_number(row.cells[column].replace(",", ""))
    except ValueError:
        raise ValueError(f"{column}: {row.cells[column]!r} is no number of miles") from None
