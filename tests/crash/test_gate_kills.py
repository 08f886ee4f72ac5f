"""The gate killed with kill -9 at named points on real Kafka: as if nothing had happened.

A twentieth of its acknowledgements is lost on the way, a twentieth of its requests arrives twice.

`make soak NAME=rollout` plays every point; here ten are drawn from a seed, in the story's order.
"""

import random
from contextlib import closing
from pathlib import Path

import pytest

from infra.settings import KafkaSettings
from tests.crash.gate_process import POINTS
from tests.crash.gate_story import play
from tests.kafka_proxy import Proxy

pytestmark = [pytest.mark.engine, pytest.mark.kafka, pytest.mark.crash]
KILLS = 10


@pytest.mark.timeout(700)  # ten times what a quiet machine needs: it may not be one
def test_every_decision_is_taken_once_wherever_the_gate_dies(
    fresh_kafka: KafkaSettings, tmp_path: Path
) -> None:
    seed = random.randrange(1 << 32)
    drawn = set(random.Random(seed).sample(list(POINTS), KILLS))
    kills = [(point, 1) for point in POINTS if point in drawn]
    print(f"seed {seed}: {kills}")  # noqa: T201 - pytest shows it when the test fails
    (tmp_path / "site").mkdir()
    proxy = Proxy(fresh_kafka, random.Random(seed), losing=0.05, doubling=0.05)
    with closing(proxy):
        played = play(fresh_kafka, tmp_path / "site", kills, through=proxy.settings)
    assert played.broken == []
    assert sorted(played.deaths) == sorted(drawn)
