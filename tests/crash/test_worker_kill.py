"""Workers killed with kill -9 in mid-stream on real Kafka: nothing lost, nothing twice."""

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.settings import KafkaSettings
from tests.worker_processes import Site, site

pytestmark = [pytest.mark.kafka, pytest.mark.crash, pytest.mark.timeout(400)]

KILLS = int(os.environ.get("FLEETLOOP_KILLS", "3"))
RECORDS_A_ROUND = 6_000


@pytest.fixture
def place(fresh_kafka: KafkaSettings, tmp_path: Path) -> Iterator[Site]:
    with site(fresh_kafka, tmp_path) as made:
        yield made


def test_sums_are_exact_whenever_workers_are_killed(place: Site) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201 - pytest shows it when the test fails
    moments = random.Random(seed)
    workers = [place.start(), place.start()]
    for kill in range(KILLS):
        place.publish(RECORDS_A_ROUND)
        time.sleep(moments.uniform(0.1, 3.0))
        victim = workers.pop(moments.randrange(len(workers)))
        victim.send_signal(signal.SIGTERM if kill == KILLS // 2 else signal.SIGKILL)
        place.publish(RECORDS_A_ROUND)
        workers.append(place.start())
    place.wait_for_all(timeout_s=90)
    assert place.totals() == place.expected()
    for worker in workers:
        worker.send_signal(signal.SIGTERM)
        # One that has only just begun has no handler of the signal yet: it has nothing to end.
        assert worker.wait(20) in (0, -signal.SIGTERM), place.said()
    place.start("2")
    place.wait_for_all("2", timeout_s=60)
    assert place.orders("2") == place.orders("1")
