"""`make soak NAME=loop`: the story on real Kafka again and again, every worker killed at random.

Each run draws from its seed at which line of the story each worker dies. The results stand in
build/soak/loop.json; the exit status tells whether every promise of every run was kept.
SOAK_RUNS sets how many runs (20), SOAK_SEED the first seed (1).
"""

import random
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from infra.demo.workers import WORKERS
from tests.killed_story import play
from tests.soak.seeds import soak

MOMENTS: Final = (
    "perception-1 is proposed",
    "perception-1: wave 0 opens",
    "keeps a moment",
    "perception-1: wave 1 opens",
    "perception-1: wave 2 opens",
    "asks people",
    "reviewer-1 labels",
    "the answers are in",
    "perception-2 is proposed",
    "perception-2: wave 0 opens",
    "perception-2: wave 2 opens",
    "perception-3: wave 1 opens",
    "perception-3: ROLLBACK ORDERED",
    "PAGE: LatencySLOBurn",
    "orders ROLLBACK",
)


def kills(seed: int) -> dict[str, str]:
    """A worker for each of seven moments, drawn from the seed."""
    draw = random.Random(seed)
    return dict(zip(draw.sample(MOMENTS, len(WORKERS)), WORKERS, strict=True))


def run(seed: int) -> Mapping[str, Any]:
    """Play one run; what was killed when, and what was broken."""
    with tempfile.TemporaryDirectory(prefix="fleetloop-soak-") as folder:
        played = play(Path(folder) / "demo", kills(seed))
    found = {
        "seed": seed,
        "kills": kills(seed),
        "status": played.status,
        "deaths": played.report["deaths"],
        "broken": played.broken or bool(played.status),
    }
    if found["broken"]:
        found["told"] = played.told.splitlines()[-40:]
    return found


if __name__ == "__main__":
    sys.exit(soak("loop", run, runs=20))
