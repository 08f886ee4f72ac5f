"""The whole story on real Kafka while every worker is killed with kill -9 once, in mid-stream."""

from pathlib import Path
from typing import Final

import pytest

from infra.stack.kafka_broker import KafkaBroker
from tests.killed_story import play

KILLS: Final = {
    "perception-1: wave 1 opens": "rollout",
    "keeps a moment": "sink",
    "asks people": "dataset",
    "reviewer-1 labels": "reviewer",
    "the answers are in": "trainer",
    "perception-2: wave 1 opens": "slo",
    "PAGE: LatencySLOBurn": "oncall",
}
"""Which worker dies when the story says so: each in the middle of its own work."""


@pytest.mark.crash
@pytest.mark.kafka
@pytest.mark.timeout(960)  # the story ends itself before: after 120 s in which nothing moves
def test_every_worker_is_killed_once_and_every_promise_is_kept(
    kafka_broker: KafkaBroker, tmp_path: Path
) -> None:
    kafka_broker.stop()  # the story starts a Kafka of its own; two cores are enough for one
    played = play(tmp_path / "demo", KILLS)
    assert played.status == 0, played.told
    assert played.report["deaths"] == dict.fromkeys(sorted(KILLS.values()), 1), played.told
    assert played.broken == []
    assert played.report["decisions"]["counted"] == played.report["decisions"]["ids"]
