"""`make soak NAME=rollout`: the gate killed at every named point of every decision, on real Kafka.

Each run visits all points in an order drawn from its seed; in every second run another gate decides
about the same releases, and sleeps through every second one. The results stand in
build/soak/rollout.json; the exit status tells whether every promise was kept.
SOAK_RUNS sets how many runs (2), SOAK_SEED the first seed (1).
"""

import random
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.bench.peers import broker
from tests.crash.gate_process import POINTS
from tests.crash.gate_story import play
from tests.soak.seeds import soak


def run(seed: int) -> Mapping[str, Any]:
    """Play one run; where was died and what was broken."""
    kills = [(point, 1) for point in random.Random(seed).sample(list(POINTS), len(POINTS))]
    rival = seed % 2 == 0
    with broker() as kafka, tempfile.TemporaryDirectory() as folder:
        played = play(kafka, Path(folder), kills, rival=rival)
    return {
        "seed": seed,
        "rival": rival,
        "died_at": played.deaths,
        "releases": played.cycles,
        "decisions": played.decisions,
        "voids": played.voids,
        "broken": list(played.broken),
    }


if __name__ == "__main__":
    sys.exit(soak("rollout", run, runs=2))
