"""The Numenta Anomaly Benchmark: real metric series; the labelled windows stay with the scorer."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from producers.replay.events import (
    Event,
    Item,
    Note,
    Refused,
    ReplayError,
    event_id,
    in_time_order,
    source_of,
)
from producers.replay.tables import MALFORMED, Row, need, optional_number, read_text, rows
from schemas.moments import micros

NAME: Final = "nab"
LABELS: Final = "labels.json"


def read(folder: Path) -> Iterator[Item]:
    """Points of all series by time; a moment that stands twice in a series is told twice.

    Raises:
        ReplayError: The labels or a series they name are missing or not readable.
    """
    need(folder, (LABELS,))
    labels = _labels(folder / LABELS)
    need(folder, map(_file, labels))
    yield from in_time_order(_all(folder, labels))


def _all(folder: Path, labels: Mapping[str, Any]) -> Iterator[Item]:
    before, repeated = 0, 0
    for series in sorted(labels):
        seen: set[int] = set()
        for row in rows(folder, _file(series), ("timestamp", "value"), start=before):
            before += 1
            item = _event(row, series) if isinstance(row, Row) else row
            if isinstance(item, Event):
                repeated += item.at_us in seen
                seen.add(item.at_us)
            yield item
    yield Note("series", len(labels))
    yield Note("labelled windows", sum(len(told["windows"]) for told in labels.values()))
    yield Note("series without a window", sum(not told["windows"] for told in labels.values()))
    yield Note("points at a moment that their series had", repeated)


def _event(row: Row, series: str) -> Event | Refused:
    try:
        value = optional_number(row.cells["value"])
        # The source names no zone.
        at_us = micros(datetime.fromisoformat(row.cells["timestamp"]).replace(tzinfo=UTC))
    except ValueError as error:
        return row.refused(MALFORMED, str(error))
    device = series.removesuffix(".csv")
    body = {
        "event_id": event_id(device, row.number),
        "source": source_of(NAME),
        "device_id": device,
        "value": value,
    }
    return Event(at_us=at_us, kind="point", file=row.file, row=row.row, body=body)


def _labels(path: Path) -> Mapping[str, Any]:
    try:
        labels = json.loads(read_text(path))
        sound = all(isinstance(told["windows"], list) for told in labels.values())
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise ReplayError(f"{path}: not labels by series: {error!r}") from error
    if not labels or not sound:
        raise ReplayError(f"{path}: each series must have a list of windows")
    found: Mapping[str, Any] = labels
    return found


def _file(series: str) -> str:
    return f"{series.removesuffix('.csv').replace('/', '__')}.csv.gz"
