"""`make soak NAME=rollout`: the gate killed at every named point of every decision, on real Kafka.

Each run visits all points in an order drawn from its seed, through a proxy that loses a twentieth
of the producer's acknowledgements and delivers a twentieth of its requests twice. In every second
run another gate decides about the same releases and naps now and then; there are half as many
kills, or it would take an hour. The results stand in build/soak/rollout.json; the exit status tells
whether every promise was kept.
SOAK_RUNS sets how many runs (2), SOAK_SEED the first seed (1).
"""

import random
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from tests.bench.peers import broker
from tests.crash.gate_process import POINTS
from tests.crash.gate_story import play
from tests.kafka_proxy import Proxy
from tests.soak.seeds import soak

SHARE: Final = 0.05
SESSION_S: Final = 6.0
"""Nobody waits for a soak, which may run beside other work."""


def run(seed: int) -> Mapping[str, Any]:
    """Play one run; where was died and what was broken."""
    rival = random.Random(seed) if seed % 2 == 0 else None
    count = len(POINTS) // 2 if rival else len(POINTS)
    kills = [(point, 1) for point in random.Random(seed).sample(list(POINTS), count)]
    with ExitStack() as stack:
        kafka = stack.enter_context(broker())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        proxy = Proxy(kafka, random.Random(seed), losing=SHARE, doubling=SHARE)
        stack.callback(proxy.close)
        played = play(
            kafka, folder, kills, rival=rival, through=proxy.settings, session_s=SESSION_S
        )
    return {
        "seed": seed,
        "rival": rival is not None,
        "died_at": played.deaths,
        "releases": played.cycles,
        "decisions": played.decisions,
        "voids": played.voids,
        "acknowledgements_lost": proxy.lost,
        "requests_doubled": proxy.doubled,
        "broken": list(played.broken),
    }


if __name__ == "__main__":
    sys.exit(soak("rollout", run, runs=2))
