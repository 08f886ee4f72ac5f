"""Small data sets in the form of the real ones, and a clock that only a replay moves."""

import csv
import gzip
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from producers.replay import dmv, nhtsa, openacc
from producers.replay.events import Event, Item, Note, Refused
from producers.replay.player import Pace


class Clock:
    """UTC microseconds that pass only in `sleep`."""

    def __init__(self) -> None:
        self.now_us = 1_700_000_000_000_000
        self.slept_s = 0.0

    def pace(self, speed: float | None) -> Pace:
        return Pace(speed, lambda: self.now_us, self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.slept_s += seconds
        self.now_us += round(seconds * 1e6)


def events(items: Iterable[Item]) -> list[Event]:
    return [item for item in items if isinstance(item, Event)]


def refusals(items: Iterable[Item]) -> Counter[str]:
    return Counter(item.why for item in items if isinstance(item, Refused))


def notes(items: Iterable[Item]) -> dict[str, str | int | float]:
    return {item.what: item.value for item in items if isinstance(item, Note)}


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    out = io.StringIO()
    csv.writer(out).writerows([header, *rows])
    body = out.getvalue().encode("cp1252")
    path.write_bytes(gzip.compress(body) if path.suffix == ".gz" else body)


def dmv_row(vin: str = "V1", date: str = "3/4/2021", by: str = "Test Driver") -> list[str]:
    return ["ACME", " AVT001", date, vin, "No", "YES", by, "street", "it\xa0braked\nhard"]


def write_dmv(folder: Path, rows: Mapping[int, Sequence[Sequence[object]]]) -> Path:
    """Event rows by year; one vehicle, V1, drove and declared two events."""
    folder.mkdir(exist_ok=True)
    header = [name.replace(" (", "\n(", 1) for name in dmv.COLUMNS]
    for year in dmv.YEARS:
        write_table(folder / dmv.events_file(year), header, rows.get(year, ()))
    months = "DEC 2022,JAN 2023,FEB 2023,MAR 2023,APR 2023,MAY 2023,JUN 2023,JULY 2023,AUG 2023"
    columns = ["Manufacturer", "Permit Number", "VIN NUMBER", "Annual Total of Disengagements"]
    columns += [*months.split(","), "SEP 2023", "OCT 2023", "NOV 2023", "ANNUAL TOTAL", "", ""]
    miles = ["1,000.5", "", *["0"] * 10, "", "", ""]
    write_table(folder / dmv.MILEAGE, columns, [["ACME", "AVT001", "V1", "2", *miles]])
    return folder


def write_nhtsa(folder: Path, reports: Sequence[Mapping[str, str]]) -> Path:
    """Reports on the third form; the other files are empty."""
    folder.mkdir(exist_ok=True)
    for file, form in nhtsa.FILES.items():
        named = (nhtsa.SEVERITY[form], nhtsa.VERSION[form], nhtsa.ENGAGED[form])
        header = [*nhtsa.COLUMNS, *named, "Weather - Rain"]
        filled = reports if "gen3_2026snap_ads_" in file else ()
        rows = [[report.get(name, " ") for name in header] for report in filled]
        write_table(folder / file, header, rows)
    return folder


def report(version: int, submitted: str, **fields: str) -> dict[str, str]:
    return {
        "Report ID": "1-2",
        "Report Version": str(version),
        "Reporting Entity": "ACME",
        "Report Submission Date": submitted,
        "Incident Date": "JAN-2026",
        "Same Incident ID": "abc",
        "State": "CA",
        **fields,
    }


def write_openacc(folder: Path, lines: Sequence[str], runs: Mapping[str, int]) -> Path:
    """Lines behind `jrc_low_speed,`; rows by run."""
    folder.mkdir(exist_ok=True)
    for campaign in openacc.CAMPAIGNS:
        body = [f"{campaign},{line}" for line in lines] if campaign == "jrc_low_speed" else []
        text = "\n".join([openacc.HEADER, *body]) + "\n"
        (folder / f"{campaign}.csv.gz").write_bytes(gzip.compress(text.encode()))
    header = ["campaign", "run", "date", "n_vehicles", "rows"]
    rows = [["jrc_low_speed", run, "2020-09-30", 1, count] for run, count in runs.items()]
    write_table(folder / openacc.RUNS, header, rows)
    return folder


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> Path:
    path.parent.mkdir(exist_ok=True)
    np.savez_compressed(path, **arrays)
    return path.parent
