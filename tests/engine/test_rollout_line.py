"""A line of releases on real Kafka: each in shadow first, the oldest history in the end."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from infra.kafka.follower import Follower
from infra.keys import make_keys
from infra.settings import KafkaSettings
from schemas.records import CommandKind, DeadLetter
from schemas.records import ReleaseKind as K
from schemas.strata import StratumStatus as S
from schemas.topics import DEAD_LETTERS, OTA_ACKS
from tests import factories
from tests.crash.gate_fleet import CODEC, FIRST, KafkaLogs, KafkaWorld
from tests.rollout_replay import counted

pytestmark = [pytest.mark.engine, pytest.mark.kafka]

ROOT: Final = Path(__file__).resolve().parents[2]
POLICY: Final = """
ceiling: 0.2
metrics: {updates: {}}
holdback: 0
waves: [1.0]
exposure_budget: 1.0
minimum_devices: 20
shadow: {minimum_encounters: 8}
soak_s: 0.5
patience_s: 600
monitor_s: 0.5
progress_s: 0.2
"""
LINE: Final = (FIRST, "r1", "r2", "r3")


@contextmanager
def gate(environment: dict[str, str], log: Path) -> Iterator[None]:
    """The rollout worker as it ships."""
    with log.open("wb") as told:
        worker = subprocess.Popen(
            [sys.executable, "-m", "infra.cli.main", "worker", "run", "rollout"],
            cwd=ROOT,
            env=environment,
            stdout=told,
            stderr=told,
        )
    try:
        yield
    finally:
        worker.kill()
        worker.wait()


def until(done: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + 120  # a busy machine is no failure
    while not done():
        assert time.monotonic() < deadline, log.read_text()[-4_000:]
        time.sleep(0.1)


def complete(world: KafkaWorld, release_id: str) -> bool:
    """People and devices do what is due; whether the release is everywhere."""
    world.kafka.read()
    world.turn()
    view = world.book.releases.get(release_id)
    if view is None:
        return False
    statuses = {at.status for at in view.strata.values()}
    if S.VERIFIED in statuses:
        world.once(release_id, CommandKind.APPROVE)
    if S.SHADOW in statuses:
        world.compare(release_id)
    return statuses == {S.COMPLETED}


def letters(kafka: KafkaSettings) -> list[DeadLetter]:
    with closing(Follower(kafka, CODEC, [DEAD_LETTERS])) as follower:
        return [fact.record for fact in follower.catch_up()]


def test_each_release_passes_its_shadow_and_the_oldest_becomes_history(
    fresh_kafka: KafkaSettings, tmp_path: Path
) -> None:
    make_keys(tmp_path / "keys")
    (tmp_path / "policy.yaml").write_text(POLICY)
    environment = {
        **os.environ,
        "FLEETLOOP_KAFKA__BOOTSTRAP": fresh_kafka.bootstrap,
        "FLEETLOOP_OBJECTS_URL": f"file://{tmp_path}/objects",
        "FLEETLOOP_KEYS_DIR": str(tmp_path / "keys"),
        "FLEETLOOP_POLICY_FILE": str(tmp_path / "policy.yaml"),
    }
    log = tmp_path / "gate.log"
    with closing(KafkaLogs(fresh_kafka)) as logs, gate(environment, log):
        world = KafkaWorld(logs, tmp_path / "keys")
        world.publish(FIRST, 1)
        for number, (parent, release_id) in enumerate(pairwise(LINE), 2):
            world.publish(release_id, number, parent)
            until(partial(complete, world, release_id), log)
        time.sleep(1.0)  # longer than monitor_s
        late = factories.ota_ack(release_id="r1", device_id="from a garage", hardware="HW3")
        logs.append(OTA_ACKS, late)
        logs.read()
        until(lambda: bool(letters(fresh_kafka)), log)
    (letter,) = letters(fresh_kafka)
    assert (letter.field, "release r1 is history" in letter.reason) == ("release_id", True)
    for release_id in LINE[1:]:
        decided = counted(logs.records, world.keyring)
        kinds = [one.kind for one in decided if one.release_id == release_id]
        assert kinds[2:5] == [K.APPROVED, K.SHADOW_OPENED, K.WAVE_OPENED]
    assert {device.running for device in world.devices} == {"r3"}
    back = subprocess.run(
        [sys.executable, "-m", "infra.cli.main", "releases", "rollback", "r1", "-m", "too late"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (back.returncode, "it is history since" in back.stderr) == (3, True), back.stderr
