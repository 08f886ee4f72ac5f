"""Nezha: one real service with injected faults, as counts for two SLOs, judged by the minute."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Final

from streams.slo.backtest.rows import Counted

EVENTS: Final = 1_000
"""The source tells shares, not counts: each minute stands for as many requests."""
_PAST_THE_MINUTE_US: Final = 19_000_000
"""Samples were taken 19 s past each minute: time is counted from there, of faults too."""
HIT_WITHIN_US: Final = 240_000_000
FLOOR: Final = {"found": 14, "outside": 25}
"""Of SOURCE.md: `frontend p95 > 1.2 s`."""


def counts(folder: Path, thresholds_s: Mapping[str, float]) -> Iterator[Counted]:
    """Rows of the frontend; an SLO without a threshold counts the failed requests.

    Args:
        folder: The data set.
        thresholds_s: By name of an SLO, seconds above which a request is slow.
    """
    with (folder / "2022-08-22_frontend.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            at_us = micros(row["time_utc"])
            failed = 1 - float(row["success_pct"]) / 100
            quantiles = [float(row[name]) for name in ("p50_s", "p90_s", "p95_s", "p99_s")]
            for name, threshold in thresholds_s.items():
                bad = slow_share(quantiles, threshold) if threshold else failed
                yield Counted(at_us, {"slo": name}, EVENTS, round(EVENTS * bad))


def faults(folder: Path) -> list[int]:
    """When each fault was injected, UTC microseconds."""
    with (folder / "2022-08-22_faults.csv").open(encoding="utf-8", newline="") as lines:
        return [micros(row["inject_time"]) for row in csv.DictReader(lines)]


def slow_share(quantiles: Sequence[float], threshold: float) -> float:
    """Share above a threshold: p50, p90, p95 and p99 joined by straight lines from 0 on."""
    points = list(zip((0.0, *quantiles), (0.0, 0.5, 0.9, 0.95, 0.99), strict=True))
    for (low, below), (high, above) in pairwise(points):
        if threshold <= high:
            return 1 - (below + (above - below) * (threshold - low) / (high - low))
    return 0.01 * quantiles[-1] / threshold


def judge(alerting: Sequence[int], injected: Sequence[int]) -> dict[str, int]:
    """Faults with an alerting minute within 4 minutes, and alerting minutes near no fault."""

    def near(at_us: int, fault_us: int) -> bool:
        return 0 <= at_us - fault_us <= HIT_WITHIN_US

    return {
        "found": sum(any(near(at, fault) for at in alerting) for fault in injected),
        "outside": sum(not any(near(at, fault) for fault in injected) for at in alerting),
    }


def micros(text: str) -> int:
    """Microseconds of a time of the data set, such that samples fall on whole minutes."""
    at = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return int(at.timestamp()) * 1_000_000 - _PAST_THE_MINUTE_US
