"""SLO worker and notifier killed with kill -9 at named points: as if nothing had happened.

`make soak NAME=slo` plays every point; here ten are drawn from a seed.
"""

import random
from pathlib import Path

import pytest

from infra.settings import KafkaSettings
from tests.crash.slo_process import Point
from tests.crash.slo_story import play
from tests.soak.slo import drawn

pytestmark = [pytest.mark.engine, pytest.mark.kafka, pytest.mark.crash]


@pytest.mark.timeout(700)  # ten times what a quiet machine needs: it may not be one
def test_transitions_and_pages_are_those_of_an_undisturbed_run(
    fresh_kafka: KafkaSettings, tmp_path: Path
) -> None:
    seed = random.randrange(1 << 32)
    kills = drawn(seed, 10)
    print(f"seed {seed}: {kills}")  # noqa: T201 - pytest shows it when the test fails
    (tmp_path / "site").mkdir()
    played = play(fresh_kafka, tmp_path / "site", kills)
    assert sorted(played.deaths) == sorted(point for point, _ in kills)
    assert played.broken() == []
    assert len(played.expected) >= 2 * 3
    assert Point.NEVER not in played.deaths
