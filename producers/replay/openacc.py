"""OpenACC: cars on adaptive cruise control at 10 Hz, and the moments when the driver took over."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np

from producers.replay.events import Event, Item, Note, Refused, ReplayError, event_id, source_of
from producers.replay.openacc_drive import CONTROLS, Drives, Sample
from producers.replay.tables import MALFORMED, Row, need, optional_number, read_text, rows
from schemas.catalogue import NOT_STATED
from schemas.moments import micros
from schemas.records import DeviceClass, Disengagement, Initiator, Precision
from schemas.topics import DISENGAGEMENTS

NAME: Final = "openacc"
CAMPAIGNS: Final = ("zalazone", "jrc_low_speed", "casale")
"""By date. A campaign's days are not another's."""
RUNS: Final = "runs.csv"
HEADER: Final = (
    "campaign,run,t_s,position,vehicle,speed_mps,lat,lon,east_m,north_m,gap_ahead_m,driver"
)
_WIDTH: Final = HEADER.count(",") + 1
_S: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class _Run:
    day_us: int
    rows: int


@dataclass(slots=True)
class _Campaign:
    """Lines of one file in file order, and when each is; those set aside apart."""

    file: str
    lines: list[str]
    numbers: list[int]
    times_us: list[int]
    refused: list[Refused]


def read(folder: Path) -> Iterator[Item]:
    """Samples of all cars by time, and behind each the takeover or re-engagement it shows.

    Raises:
        ReplayError: A file is missing, cut off, or does not have the rows that runs.csv names.
    """
    need(folder, (RUNS, *map(_file, CAMPAIGNS)))
    runs = _runs(folder)
    before = 0
    for name in CAMPAIGNS:
        campaign = _campaign(folder, name, runs)
        yield from campaign.refused
        yield from _played(campaign, name, before)
        before += len(campaign.lines) + len(campaign.refused)


def _played(campaign: _Campaign, name: str, before: int) -> Iterator[Item]:
    drives = Drives()
    odd: Counter[str] = Counter()
    for place in np.argsort(campaign.times_us, kind="stable").tolist():
        row, at_us = campaign.numbers[place], campaign.times_us[place]
        line = campaign.lines[place]
        try:
            sample = _sample(line.split(","), at_us)
        except ValueError as error:
            yield Refused(campaign.file, row, MALFORMED, str(error), line)
            continue
        yield from _told(campaign.file, row, before + row, sample, drives)
        odd["speeds missing"] += sample.speed_mps is None
        odd["speeds below 0"] += sample.speed_mps is not None and sample.speed_mps < 0
        odd["gaps below 0"] += sample.gap_ahead_m is not None and sample.gap_ahead_m < 0
    for what in sorted(odd):
        yield Note(f"{name}: {what}", odd[what])


def _told(file: str, row: int, number: int, sample: Sample, drives: Drives) -> Iterator[Event]:
    device, at_us = sample.device_id, sample.at_us
    derived, change, context = drives.observe(sample)
    identity = {"event_id": event_id(device, number), "source": source_of(NAME)}
    line = identity | {"device_id": device} | sample.fields() | derived
    yield Event(at_us=at_us, kind="telemetry", file=file, row=row, body=line)
    if change is None:
        return
    before, after = change
    if after == CONTROLS["ACC"]:
        body = identity | {"device_id": device, "run": sample.run, "mode_before": before}
        yield Event(at_us=at_us, kind="re_engagement", file=file, row=row, body=body)
        return
    yield Event(
        at_us=at_us,
        kind="disengagement",
        file=file,
        row=row,
        topic=DISENGAGEMENTS,
        body=Disengagement(
            **identity,
            device_id=device,
            device_class=DeviceClass.VEHICLE,
            hardware=NOT_STATED,
            region=NOT_STATED,
            event_ts=at_us,
            precision=Precision.SECOND,
            initiator=Initiator.TEST_DRIVER,
            mode_before=before,
            mode_after=after,
            speed_mps=sample.speed_mps,
        ),
        also={"run": sample.run},
        context=context,
    )


def _sample(cells: list[str], at_us: int) -> Sample:
    campaign, run, _, position, vehicle = cells[:5]
    speed, lat, lon, east, north, gap = (optional_number(text) for text in cells[5:11])
    driver = cells[11]
    if driver and driver not in CONTROLS:
        raise ValueError(f"driver {driver!r}: must be empty or one of {', '.join(CONTROLS)}")
    return Sample(
        device_id=f"{campaign}/{vehicle}",
        run=run,
        at_us=at_us,
        position=int(position),
        speed_mps=speed,
        lat=lat,
        lon=lon,
        east_m=east,
        north_m=north,
        gap_ahead_m=gap,
        control_mode=CONTROLS.get(driver),
    )


def _campaign(folder: Path, name: str, runs: Mapping[tuple[str, str], _Run]) -> _Campaign:
    # 460,000 rows: lines are kept, not cells, and split again when their turn comes.
    path = folder / _file(name)
    header, _, body = read_text(path).partition("\n")
    if header.strip() != HEADER:
        raise ReplayError(f"{path}: its first line must be {HEADER}")
    found = _Campaign(path.name, [], [], [], [])
    counts: Counter[tuple[str, str]] = Counter()
    for row, line in enumerate(body.splitlines(), 1):
        cells = line.split(",")
        try:
            if len(cells) != _WIDTH:
                raise ValueError(f"{len(cells)} cells, the header has {_WIDTH}")  # noqa: TRY301 - told with the others
            key = (cells[0], cells[1])
            if key not in runs:
                raise ValueError(f"run {'/'.join(key)} is not in {RUNS}")  # noqa: TRY301 - as above
            counts[key] += 1
            at_us = runs[key].day_us + round(float(cells[2]) * _S)
        except ValueError as error:
            found.refused.append(Refused(path.name, row, MALFORMED, str(error), line))
            continue
        found.lines.append(line)
        found.numbers.append(row)
        found.times_us.append(at_us)
    for (campaign, run), told in runs.items():
        if campaign == name and counts[campaign, run] != told.rows:
            raise ReplayError(
                f"{path}: run {run} has {counts[campaign, run]} rows, {RUNS} names {told.rows}"
            )
    return found


def _runs(folder: Path) -> dict[tuple[str, str], _Run]:
    found = {}
    for row in rows(folder, RUNS, ("campaign", "run", "date", "n_vehicles", "rows")):
        if not isinstance(row, Row):
            raise ReplayError(f"{folder / RUNS}, row {row.row}: {row.detail}")
        cells = row.cells
        try:
            day = datetime.fromisoformat(cells["date"]).replace(tzinfo=UTC)
            count = int(cells["rows"]) * int(cells["n_vehicles"])
        except ValueError as error:
            raise ReplayError(f"{folder / RUNS}, row {row.row}: {error}") from error
        found[cells["campaign"], cells["run"]] = _Run(micros(day), count)
    return found


def _file(campaign: str) -> str:
    return f"{campaign}.csv.gz"
