"""`make soak NAME=drift`: how often drift is said by chance, how soon a change is announced.

Each seed trains a release on the rendered fleet and, where FLEETLOOP_SHARED has them, one on the
real tracks as `fleetloop loop gtsrb` trains release 1. A row is a change after a hundred looks at
the world of the validation. The results stand in build/soak/drift.json.
"""

import os
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np

from infra.learning.site import recorded
from producers.camera.recording import read_recording
from producers.camera.rendered import RenderedCamera
from producers.model.apart import fit_apart
from tests.drift_runs import (
    FRAMES,
    Pool,
    announced,
    recorded_worlds,
    rendered_worlds,
    told,
    until,
)
from tests.soak.seeds import Run, soak

SIZES: Final = ((400, 25), (400, 400), (1_600, 25))
CITY_SIZES: Final = ((100, 25), (100, 400))
"""Encounters of the validation and of a look: the trainer holds back 400, a hundred of a region; 25
is the least that is looked at, 400 are a minute of twenty devices."""
IN_CITY: Final = ("city", "snow", "rain", "fog")
POOL: Final = 1_500
RUNS: Final = 100
NULL_RUNS: Final = 300
BEFORE: Final = 100
AFTER: Final = 100
LIFE: Final = 400
ALLOWED: Final = 0.01
PROMISED: Final = {
    "rendered/snow/400/25": 20,
    "rendered/snow/400/400": 2,
    "city/snow/100/25": 25,
    "city/snow/100/400": 4,
    "recorded/dark/400/25": 10,
    "recorded/small/400/25": 20,
}
"""Looks within which 95 of 100 changes are announced."""


def run(seed: int) -> dict[str, Any]:
    """Every row by one seed."""
    rng = np.random.default_rng(seed)
    rows: dict[str, Any] = {}
    rendered, recorded_ = _rendered(seed), _recorded(seed)
    city = {name: rendered[name] for name in IN_CITY}
    del rendered["city"]
    places = (("rendered", rendered, SIZES), ("city", city, CITY_SIZES))
    for name, pools, sizes in (*places, ("recorded", recorded_, SIZES)):
        for size, look in sizes if pools else ():
            found = _rows(rng, pools, size, look)
            rows |= {f"{name}/{row}/{size}/{look}": told for row, told in found.items()}
    broken = [name for name, row in rows.items() if row.get("false_alarms", 0.0) > 2 * ALLOWED]
    broken += [
        name
        for name, looks in PROMISED.items()
        if name in rows and (rows[name]["p95"] is None or rows[name]["p95"] > looks)
    ]
    return {"seed": seed, "broken": broken, "rows": rows}


def _rows(rng: np.random.Generator, pools: dict[str, Pool], size: int, look: int) -> dict[str, Any]:
    """One row a change, by a validation of `size` encounters of the first pool."""
    usual = next(iter(pools.values()))
    alarms = [announced(rng, usual, size, LIFE, look)[1] for _ in range(NULL_RUNS)]
    rows: dict[str, Any] = {"unchanged": {"false_alarms": float(np.mean(alarms))}}
    for change, pool in list(pools.items())[1:]:
        found = []
        for _ in range(RUNS):
            place, said = announced(rng, usual, size, BEFORE, look)
            found.append(None if said else until(rng, place, pool, AFTER, look))
        rows[change] = told(found)
    return rows


def _rendered(seed: int) -> dict[str, Pool]:
    camera = RenderedCamera(seed, FRAMES)
    worlds = rendered_worlds(camera, POOL)
    drive = [*camera.seed(200)]
    held = camera.held_back(seed, 300)
    pictures = np.concatenate([one.frames for one in drive] + [held.frames])
    labels = np.concatenate([np.repeat([one.label for one in drive], FRAMES), held.labels])
    model = _fitted(pictures, labels, camera.classes, seed)
    return {name: Pool.of(model, one) for name, one in worlds.items()}


def _recorded(seed: int) -> dict[str, Pool]:
    folder = Path(os.environ.get("FLEETLOOP_SHARED", "../shared")) / "data" / "gtsrb_tracks"
    if not folder.exists():
        sys.stderr.write(f"no {folder}: the rows of real tracks are left out\n")
        return {}
    site = recorded(read_recording(folder), seed)
    pictures = np.concatenate([one.frames for one in site.drive])
    labels = np.repeat([one.label for one in site.drive], FRAMES)
    model = _fitted(pictures, labels, site.classes, seed)
    met = np.concatenate([one.frames for one in site.met])
    return {name: Pool.of(model, one) for name, one in recorded_worlds(met).items()}


def _fitted(pictures: Any, labels: Any, classes: tuple[str, ...], seed: int) -> bytes:
    weights = np.ones(len(labels), np.float32)
    return fit_apart(pictures, labels.astype(np.int64), weights, classes, "drift", seed)


def summary(played: list[Run]) -> Run:
    """Means over all seeds; a quantile that one seed never reached is null."""
    names = {name for one in played for name in one["rows"]}
    means: dict[str, Any] = {}
    for name in sorted(names):
        rows = [one["rows"][name] for one in played if name in one["rows"]]
        means[name] = {what: _mean([row[what] for row in rows]) for what in rows[0]}
    return {"runs_a_row": RUNS * len(played), "means": means}


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if len(known) == len(values) else None


if __name__ == "__main__":
    sys.exit(soak("drift", run, runs=2, summary=summary))
