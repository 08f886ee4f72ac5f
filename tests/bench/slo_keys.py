"""Ten thousand SLO keys with all four tiers: time of an evaluation, memory, storm and snapshot.

Three days of history of every key, the last six hours of cells from four source partitions and
the last five minutes of histograms and sides: the most that an engine ever holds.
"""

import gc
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

import numpy as np
import psutil

from schemas.records import AlertState, SideCount, SloPartial
from streams.blobs import Blobs, Reading
from streams.slo import slo_file
from streams.slo.counts import Counts
from streams.slo.engine import Engine
from streams.slo.objectives import Slo
from tests import factories
from tests.bench.figures import figure, tell
from tests.slo_log import DAY, HOUR, MINUTE, SECOND, cell

KEYS: Final = 10_000
PARTITIONS: Final = 4
EVENTS: Final = 40
"""A key's events in one bucket of 10 s: 40,000 events a second in all."""
BAD: Final = 0.005
TICKS: Final = 30
BUCKET_US: Final = 10 * SECOND
START_US: Final = 20_000 * DAY
Keys = list[Mapping[str, str]]


def keys(count: int) -> Keys:
    """Releases on four generations of hardware."""
    return [
        {
            "hardware": ("HW3", "HW4", "AI5", "OPTIMUS_G2")[at % 4],
            "release_id": f"release-{at // 4}",
        }
        for at in range(count)
    ]


def filled(slo: Slo, named: Keys, seed: int = 1) -> Engine:
    """An engine that has counted for three days."""
    random, engine = np.random.default_rng(seed), Engine(slo)
    ledger = engine._ledger
    for labels in named:
        engine.count(labels, START_US, 1, 0)
    minute, hour = MINUTE // BUCKET_US, HOUR // BUCKET_US
    now = START_US // BUCKET_US
    fine = now + 3 * DAY // BUCKET_US - hour
    for bucket in range(now, fine + hour):
        if bucket >= fine or bucket % minute == 0:
            size = 1 if bucket >= fine else minute
            ledger.windows._fine.merge(bucket, _column(random, len(named), EVENTS * size))
        ledger.windows.move(bucket + 1)
        if bucket % 64 == 0:
            ledger.windows.freeze()
    end = fine + hour
    for partition in range(PARTITIONS):
        cells = ledger._newest._cells[partition] = Counts()
        ledger._newest._marks[partition] = end
        for bucket in range(end - 6 * hour, end):
            cells.merge(bucket, _column(random, len(named), EVENTS // PARTITIONS))
        cells.freeze(end - 64)
    ledger.last[:] = end - 1
    return engine


def _column(random: np.random.Generator, size: int, events: int) -> Any:
    column = np.stack((random.poisson(events, size), random.poisson(events * BAD, size)))
    return column.astype(np.uint8 if column.max() < 256 else np.uint16)


def cells(named: Keys, bucket: int, bad: int) -> Iterator[SloPartial]:
    """What stage one hands on for one bucket: a cell of every key and partition."""
    sides = tuple(
        SideCount(label="region", value=region, total=4, bad=bad)
        for region in ("city", "coast", "north")
    )
    shape = factories.inference_event().latency
    counts = tuple(np.random.default_rng(bucket).poisson(0.5, 40).tolist())
    made = cell(
        bucket * BUCKET_US,
        EVENTS // PARTITIONS,
        3 * bad,
        offset=bucket,
        watermark=bucket * BUCKET_US,
        latency=replace(shape, counts=counts),
        sides=sides,
    )
    for labels in named:
        for partition in range(PARTITIONS):
            yield replace(made, key=labels, source_partition=partition)


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    found = work()
    return 1_000 * (time.perf_counter() - began), found


def measure(count: int = KEYS) -> dict[str, dict[str, Any]]:
    """The figures, by name."""
    (slo,) = [one for one in slo_file.load(None) if one.name == "perception-latency"]
    named = keys(count)
    gc.collect()
    before = psutil.Process().memory_info().rss
    engine = filled(slo, named)
    evaluations, observing, observed, tick = [], 0.0, 0, engine.at_us // BUCKET_US
    for bucket in range(tick, tick + TICKS):
        for record in cells(named, bucket, 0):
            began = time.perf_counter()
            engine.observe(record)
            observing += time.perf_counter() - began
            observed += 1
        end_us = (bucket + 1) * BUCKET_US
        spent, found = _timed(partial(engine.advance, end_us + 1, end_us))
        evaluations.append(spent)
        assert not found
    gc.collect()
    held = psutil.Process().memory_info().rss - before
    blobs = Blobs()
    snapshot_ms, packed = _timed(lambda: blobs.pack(engine.state(blobs)))
    again = Engine(slo)
    restore_ms, _ = _timed(lambda: again.load((read := Reading(packed)).value, read))
    storm_ms, told = _storm(engine, named)
    assert len(told) == 2 * count
    return {
        f"evaluation_ms_{count}_keys": figure(max(evaluations), "ms", 200, at_most=True),
        f"evaluation_median_ms_{count}_keys": figure(float(np.median(evaluations)), "ms", None),
        "bytes_per_key": figure(held / count, "bytes", 80_000, at_most=True),
        "observe_us_per_cell": figure(1e6 * observing / observed, "us", None),
        f"storm_ms_{count}_keys": figure(storm_ms, "ms", None),
        f"snapshot_ms_{count}_keys": figure(snapshot_ms, "ms", None),
        f"restore_ms_{count}_keys": figure(restore_ms, "ms", None),
        f"snapshot_mb_{count}_keys": figure(len(packed) / 1e6, "MB", None),
    }


def _storm(engine: Engine, named: Keys) -> tuple[float, list[Any]]:
    """All keys begin to burn at once: page and suppressed ticket of each in one evaluation."""
    bucket = engine.at_us // BUCKET_US
    for labels in named:
        engine.count(labels, bucket * BUCKET_US, 100_000, 100_000)
    storm_ms, told = _timed(lambda: engine.advance((bucket + 1) * BUCKET_US + 1, 0))
    assert {one.state for one in told} == {AlertState.FIRING, AlertState.SUPPRESSED}
    return storm_ms, told


if __name__ == "__main__":
    tell("slo_keys", measure(int(sys.argv[1]) if len(sys.argv) > 1 else KEYS))
