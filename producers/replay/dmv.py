"""California DMV: every reported disengagement, every vehicle's monthly autonomous miles."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from producers.replay.dmv_dates import moment
from producers.replay.dmv_mileage import Declared, mileage
from producers.replay.events import Event, Item, Note, Refused, event_id, in_time_order, source_of
from producers.replay.tables import Row, need, rows
from schemas.catalogue import NOT_STATED
from schemas.moments import parse
from schemas.records import DeviceClass, Disengagement, Initiator
from schemas.topics import DISENGAGEMENTS

NAME: Final = "dmv"
YEARS: Final = (2021, 2022, 2023)
MILEAGE_YEAR: Final = 2023
MILEAGE: Final = f"{MILEAGE_YEAR}-mileage.csv.gz"

DRIVERLESS: Final = "VEHICLE IS CAPABLE OF OPERATING WITHOUT A DRIVER (Yes or No)"
PRESENT: Final = "DRIVER PRESENT (Yes or No)"
INITIATED: Final = (
    "DISENGAGEMENT INITIATED BY (AV System, Test Driver, Remote Operator, or Passenger)"
)
LOCATION: Final = (
    "DISENGAGEMENT LOCATION (Interstate, Freeway, Highway, Rural Road, Street, or Parking Facility)"
)
FACTS: Final = "DESCRIPTION OF FACTS CAUSING DISENGAGEMENT"
UNNAMED: Final = ""
COLUMNS: Final = (
    *("Manufacturer", "Permit Number", "DATE", "VIN NUMBER"),
    *(DRIVERLESS, PRESENT, INITIATED, LOCATION, FACTS),
)

_INITIATORS: Final[Mapping[str, Initiator]] = {
    "av system": Initiator.AV_SYSTEM,
    "software": Initiator.AV_SYSTEM,
    "ads": Initiator.AV_SYSTEM,
    "test driv": Initiator.TEST_DRIVER,
    "driver": Initiator.TEST_DRIVER,
    "operator": Initiator.TEST_DRIVER,
    "remote": Initiator.REMOTE,
    "passenger": Initiator.PASSENGER,
}


def events_file(year: int) -> str:
    """File of a report year, which runs from 1 December to 30 November."""
    return f"{year}-disengagements.csv.gz"


def read(folder: Path) -> Iterator[Item]:
    """All events and miles by time, then what does not fit together.

    Raises:
        ReplayError: A file is missing or not readable.
    """
    need(folder, (*map(events_file, YEARS), MILEAGE))
    yield from in_time_order(_all(folder))


def initiator(text: str) -> Initiator:
    """Who ended autonomy, by how the cell begins; UNKNOWN when it says nothing known."""
    told = text.strip().lower()
    found = (who for start, who in _INITIATORS.items() if told.startswith(start))
    return next(found, Initiator.UNKNOWN)


def _all(folder: Path) -> Iterator[Item]:
    before = 0
    reported: Counter[str] = Counter()
    for year in YEARS:
        permits: Counter[str] = Counter()
        outside = 0
        for row in rows(folder, events_file(year), COLUMNS, encoding="cp1252", start=before):
            before += 1
            item = _event(row) if isinstance(row, Row) else row
            if isinstance(item, Event):
                permits[item.also["operator_id"]] += 1
                outside += not _in_report_year(item.at_us, year)
            yield item
        yield from _year_notes(year, permits, outside)
        if year == MILEAGE_YEAR:
            reported = permits
    declared = Declared()
    yield from mileage(folder, MILEAGE, MILEAGE_YEAR, before, declared)
    yield from declared.notes(reported)


def _year_notes(year: int, permits: Counter[str], outside: int) -> Iterator[Note]:
    for permit, count in permits.most_common(1):
        yield Note(f"{year}: most events, of permit {permit}", count)
    yield Note(f"{year}: dates outside the report year", outside)


def _in_report_year(at_us: int, year: int) -> bool:
    # Local midnight is 8 hours behind UTC on both days.
    first, end = parse(f"{year - 1}-12-01T00:00:00-08:00"), parse(f"{year}-12-01T00:00:00-08:00")
    return first <= at_us < end


def _event(row: Row) -> Event | Refused:
    cells = {name: " ".join(text.split()) for name, text in row.cells.items()}
    vin = cells["VIN NUMBER"]
    if not vin:
        return row.refused("NO_VEHICLE", "VIN NUMBER is empty")
    try:
        at_us, precision = moment(cells["DATE"])
    except ValueError as error:
        return row.refused("DATE", f"DATE: {error}")
    return Event(
        at_us=at_us,
        kind="disengagement",
        file=row.file,
        row=row.row,
        topic=DISENGAGEMENTS,
        body=Disengagement(
            event_id=event_id(vin, row.number),
            source=source_of(NAME),
            device_id=vin,
            device_class=DeviceClass.VEHICLE,
            hardware=NOT_STATED,
            region=NOT_STATED,
            event_ts=at_us,
            precision=precision,
            initiator=initiator(cells[INITIATED]),
            mode_before="AUTONOMOUS",
            mode_after="MANUAL",
            cause_text=cells[FACTS] or None,
            road_type=cells[LOCATION].upper() or None,
        ),
        also={
            "operator_id": cells["Permit Number"],
            "operator": cells["Manufacturer"],
            "initiated_by": cells[INITIATED],
            "driverless_capable": _yes(cells[DRIVERLESS]),
            "driver_present": _yes(cells[PRESENT]),
            "unnamed_column": cells.get(UNNAMED) or None,
        },
    )


def _yes(text: str) -> bool | None:
    return {"yes": True, "no": False}.get(text.lower())
