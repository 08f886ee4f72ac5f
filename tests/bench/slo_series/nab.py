"""The Numenta Anomaly Benchmark: labelled series as counts, and its own score of the alerts."""

import csv
import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import exp
from pathlib import Path
from typing import Final

from streams.slo.backtest.rows import Counted

STANDARD: Final = {"fp": 0.11, "fn": 1.0}
LOW_FP: Final = {"fp": 0.22, "fn": 1.0}


@dataclass(frozen=True, slots=True)
class Labelled:
    """One series.

    Attributes:
        windows: First and last row of each anomaly.
        probation: Rows that are not scored: 15 %, at most 750.
    """

    name: str
    times_us: Sequence[int]
    values: Sequence[float]
    windows: Sequence[tuple[int, int]]

    @property
    def probation(self) -> int:
        """Rows to learn from."""
        return min(int(0.15 * len(self.values)), 750)


def fixed(series: Labelled) -> list[Counted]:
    """A sample a row, bad when it is outside what the rows to learn from showed."""
    learnt = series.values[: series.probation]
    return _counts(series, [(min(learnt), max(learnt))] * len(series.values))


def trailing(series: Labelled) -> list[Counted]:
    """A sample a row, bad when it is outside what as many rows just before it showed."""
    size, values = series.probation, series.values
    seen = [values[max(0, row - size) : max(row, size)] for row in range(len(values))]
    return _counts(series, [(min(one), max(one)) for one in seen])


def read(folder: Path) -> list[Labelled]:
    """Every series of the data set."""
    labels = json.loads((folder / "labels.json").read_text())
    found = []
    for name, told in sorted(labels.items()):
        path = folder / f"{name.removesuffix('.csv').replace('/', '__')}.csv.gz"
        with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        times = [micros(row["timestamp"]) for row in rows]
        windows = [_rows(times, *map(micros, window)) for window in told["windows"]]
        values = [float(row["value"]) for row in rows]
        found.append(Labelled(name, times, values, windows))
    return found


def raw_score(series: Labelled, alerts_us: Sequence[int], profile: Mapping[str, float]) -> float:
    """NAB's score of one series: the earliest hit of each window, less what came elsewhere."""
    rows = [series.times_us.index(at) for at in alerts_us]
    scored = [row for row in rows if row >= series.probation]
    total = 0.0
    for first, last in series.windows:
        hits = [row for row in scored if first <= row <= last]
        if not hits:
            total -= profile["fn"]
            continue
        early = (last - hits[0] + 1) / (last - first + 1)
        total += _sigmoid(-early) / _sigmoid(-1.0)
    for row in scored:
        if not any(first <= row <= last for first, last in series.windows):
            total += profile["fp"] * _past(series.windows, row)
    return total


def score(found: Sequence[tuple[Labelled, Sequence[int]]], profile: Mapping[str, float]) -> float:
    """NAB's normalised score over all series: 0 is to say nothing, 100 is perfect."""
    windows = sum(len(series.windows) for series, _ in found)
    null, perfect = -profile["fn"] * windows, float(windows)
    raw = sum(raw_score(series, alerts, profile) for series, alerts in found)
    return 100 * (raw - null) / (perfect - null)


def windows_hit(found: Sequence[tuple[Labelled, Sequence[int]]]) -> int:
    """Anomalies in which at least one alert began."""
    return sum(
        any(series.times_us[first] <= at <= series.times_us[last] for at in alerts)
        for series, alerts in found
        for first, last in series.windows
    )


def micros(text: str) -> int:
    """UTC microseconds of a time of the data set, which names no zone."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


def _counts(series: Labelled, ranges: Sequence[tuple[float, float]]) -> list[Counted]:
    return [
        Counted(at, {}, 1, int(not low <= value <= high))
        for at, value, (low, high) in zip(series.times_us, series.values, ranges, strict=True)
    ]


def _past(windows: Sequence[tuple[int, int]], row: int) -> float:
    """What a false alert costs: less, the closer it follows a window."""
    before = [window for window in windows if window[1] < row]
    if not before:
        return -1.0
    first, last = max(before, key=lambda window: window[1])
    return _sigmoid((row - last) / (last - first))


def _sigmoid(y: float) -> float:
    return -1.0 if y > 3 else 2 / (1 + exp(5 * y)) - 1


def _rows(times: Sequence[int], first_us: int, last_us: int) -> tuple[int, int]:
    inside = [row for row, at in enumerate(times) if first_us <= at <= last_us]
    return inside[0], inside[-1]
