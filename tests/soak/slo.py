"""`make soak NAME=slo`: the SLO worker and the notifier killed at every named point.

Each run visits all points in an order drawn from its seed. The results stand in
build/soak/slo.json; the exit status tells whether every run was as an undisturbed one.
SOAK_RUNS sets how many runs (3), SOAK_SEED the first seed (1).
"""

import random
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.bench.peers import broker
from tests.crash.slo_process import NOTIFIER, Point
from tests.crash.slo_story import Kill, play
from tests.soak.seeds import soak

MATRIX: Final = tuple(point for point in Point if point is not Point.NEVER)
RARE: Final = {*NOTIFIER, Point.ALERT_BEFORE, Point.ALERT_AFTER}
WORKER: Final = [point for point in MATRIX if point not in NOTIFIER]


def drawn(seed: int, count: int = len(MATRIX)) -> list[Kill]:
    """So many points in some order, each with how often it is passed before; notifier's too."""
    draw = random.Random(seed)
    points: list[Point] = draw.sample(WORKER, max(count - len(NOTIFIER), 1))
    points += draw.sample(list(NOTIFIER), len(NOTIFIER))
    return [(point, draw.randint(1, 2 if point in RARE else 5)) for point in points]


def run(seed: int) -> Mapping[str, Any]:
    """Play one run; where was died and what was broken."""
    kills = drawn(seed)
    with broker() as kafka, tempfile.TemporaryDirectory() as folder:
        played = play(kafka, Path(folder), kills)
    return {
        "seed": seed,
        "kills": kills,
        "died_at": played.deaths,
        "transitions": len(played.transitions),
        "pages": sum(played.pages.values()),
        "broken": played.broken(),
    }


if __name__ == "__main__":
    sys.exit(soak("slo", run, runs=3))
