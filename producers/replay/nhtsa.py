"""NHTSA Standing General Order: crash reports in all their versions, through two forms."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

from producers.replay.events import Event, Item, Note, Refused, event_id, in_time_order, source_of
from producers.replay.nhtsa_words import engaged, month, month_us, severity, software
from producers.replay.tables import MALFORMED, Row, need, optional_number, rows
from schemas.records import Incident
from schemas.topics import INCIDENTS

NAME: Final = "nhtsa"
NO_INCIDENT: Final = "NO_INCIDENT"
FIRST_FORM: Final = 1
THIRD_FORM: Final = 3
FILES: Final[Mapping[str, int]] = {
    "gen1_2022snap_ads.csv.gz": FIRST_FORM,
    "gen1_2022snap_adas.csv.gz": FIRST_FORM,
    "gen3_2026snap_ads_to_MAR-2026.csv.gz": THIRD_FORM,
    "gen3_2026snap_adas_to_MAR-2026.csv.gz": THIRD_FORM,
    "gen3_2026snap_other_to_MAR-2026.csv.gz": THIRD_FORM,
}
"""Generation of the form that a file was filled in on."""
SEVERITY: Final = {
    FIRST_FORM: "Highest Injury Severity",
    THIRD_FORM: "Highest Injury Severity Alleged",
}
VERSION: Final = {FIRST_FORM: "ADAS/ADS Version", THIRD_FORM: "Automation Feature Version"}
ENGAGED: Final = {FIRST_FORM: "Automation System Engaged?", THIRD_FORM: "Engagement Status"}
COLUMNS: Final = (
    *("Report ID", "Report Version", "Reporting Entity", "Report Type", "Report Submission Date"),
    *("Incident Date", "Same Incident ID", "Same Vehicle ID", "State", "Roadway Type"),
    *("SV Precrash Speed (MPH)", "Make", "Model", "Narrative"),
)
_WEATHER: Final = "Weather - "
_MPH_IN_MPS: Final = 0.44704


def read(folder: Path) -> Iterator[Item]:
    """All versions of all reports; the versions of a report always rise.

    Raises:
        ReplayError: A file is missing or not readable.
    """
    need(folder, FILES)
    yield from in_time_order(_all(folder))


def _all(folder: Path) -> Iterator[Item]:
    before = 0
    reports: dict[str, list[Event]] = defaultdict(list)
    for file, form in FILES.items():
        columns = (*COLUMNS, SEVERITY[form], VERSION[form], ENGAGED[form])
        for row in rows(folder, file, columns, start=before):
            before += 1
            item = _event(row, form) if isinstance(row, Row) else row
            if isinstance(item, Event):
                reports[item.body.report_id].append(item)
            else:
                yield item
    for versions in reports.values():
        yield from _rising(versions)
    yield from _notes(reports)


def _rising(versions: list[Event]) -> Iterator[Event]:
    """The files are newest first: by version, no version before the one it replaces."""
    ordered = sorted(versions, key=lambda event: int(event.body.report_version))
    times = accumulate((event.at_us for event in ordered), max)
    for event, at_us in zip(ordered, times, strict=True):
        yield replace(event, at_us=at_us)


def _notes(reports: Mapping[str, list[Event]]) -> Iterator[Note]:
    newest = [max(events, key=lambda e: int(e.body.report_version)) for events in reports.values()]
    yield Note("reports", len(newest))
    yield Note("reports in several versions", sum(len(one) > 1 for one in reports.values()))
    known = Counter(event.body.incident_id for event in newest if event.body.incident_id)
    yield Note("incidents that several reports share", sum(count > 1 for count in known.values()))


def _event(row: Row, form: int) -> Event | Refused:
    cells = {name: text.strip() for name, text in row.cells.items()}
    if _tells_of_none(cells):
        return row.refused(NO_INCIDENT, "a monthly report that names no incident")
    try:
        at_us = month_us(cells["Report Submission Date"])
        body = _incident(cells, form, row.number)
        also = _also(cells, form)
    except ValueError as error:
        return row.refused(MALFORMED, str(error))
    return Event(
        at_us=at_us,
        kind="incident",
        file=row.file,
        row=row.row,
        topic=INCIDENTS,
        body=body,
        also=also,
    )


def _tells_of_none(cells: Mapping[str, str]) -> bool:
    """No date, no incident: what a monthly report says when there was nothing to say."""
    return not cells["Incident Date"] and not cells["Same Incident ID"] and not cells["State"]


def _incident(cells: Mapping[str, str], form: int, number: int) -> Incident:
    report, version = cells["Report ID"], cells["Report Version"]
    if not report or not version.isdecimal():
        raise ValueError(f"Report ID {report!r}, Report Version {version!r}: must be there")
    return Incident(
        event_id=event_id(report, number),
        source=source_of(NAME),
        report_id=report,
        report_version=int(version),
        incident_id=cells["Same Incident ID"],
        operator=cells["Reporting Entity"],
        software_version=software(cells[VERSION[form]]),
        severity=severity(cells[SEVERITY[form]]),
        month=month(cells["Incident Date"]),
        state=cells["State"],
        engaged=engaged(cells[ENGAGED[form]]),
        narrative=cells["Narrative"],
    )


def _also(cells: Mapping[str, str], form: int) -> Mapping[str, Any]:
    mph = optional_number(cells["SV Precrash Speed (MPH)"])
    return {
        "form_generation": form,
        "report_type": cells["Report Type"],
        "vehicle_key": cells["Same Vehicle ID"] or None,
        "make": cells["Make"] or None,
        "model": cells["Model"] or None,
        "road": cells["Roadway Type"] or None,
        "weather": [
            name.removeprefix(_WEATHER)
            for name, text in cells.items()
            if name.startswith(_WEATHER) and text == "Y"
        ],
        "speed_mps": None if mph is None else round(mph * _MPH_IN_MPS, 3),
        "software_as_written": cells[VERSION[form]] or None,
        "severity_as_written": cells[SEVERITY[form]] or None,
        "engaged_as_written": cells[ENGAGED[form]] or None,
    }
