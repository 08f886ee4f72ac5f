"""The rollout worker as a process on the embedded broker, ordered by the command line."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.kafka.admin import Admin
from infra.kafka.follower import Follower
from infra.kafka.publisher import Publisher
from infra.keys import make_keys
from infra.settings import KafkaSettings
from infra.stack.supervisor import Supervisor
from infra.stack.tansu import TansuBroker
from infra.topics import apply_all
from schemas.codec import Codec
from schemas.records import DeadLetter, ModelRelease
from schemas.registry import FileRegistry
from schemas.topics import DEAD_LETTERS, MODEL_RELEASES, OTA_ACKS, TopicSpec
from tests import factories

pytestmark = pytest.mark.engine

ROOT = Path(__file__).resolve().parents[2]
CODEC = Codec(FileRegistry())


class Place:
    """A broker of its own, keys, and the rollout worker."""

    def __init__(self, kafka: KafkaSettings, folder: Path) -> None:
        self.kafka, self.folder = kafka, folder
        make_keys(folder / "keys")
        # No wave may be widened while a slow machine starts the next worker.
        demo = (ROOT / "infra/demo/policy.yaml").read_text()
        (folder / "policy.yaml").write_text(demo.replace("patience_s: 8", "patience_s: 600"))
        apply_all(Admin(kafka))
        self.environment = {
            **os.environ,
            "FLEETLOOP_KAFKA__BOOTSTRAP": kafka.bootstrap,
            "FLEETLOOP_KAFKA__MEMORY_ONLY": str(kafka.memory_only),
            "FLEETLOOP_OBJECTS_URL": f"file://{folder}/objects",
            "FLEETLOOP_KEYS_DIR": str(folder / "keys"),
            "FLEETLOOP_POLICY_FILE": str(folder / "policy.yaml"),
        }
        self.worker = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        with (self.folder / "worker.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "infra.cli.main", "worker", "run", "rollout"],
                cwd=ROOT,
                env=self.environment,
                stderr=log,
                stdout=log,
            )

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "infra.cli.main", "releases", *words],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def proposal(self, release_id: str) -> Path:
        (self.folder / "model.onnx").write_bytes(b"a model")
        file = self.folder / f"{release_id}.json"
        told = {"release_id": release_id, "purpose": "test", "model": "model.onnx"}
        file.write_text(json.dumps({**told, "strata": ["HW3", "HW4", "AI5"]}))
        return file

    def publish(self, topic: TopicSpec, record: object) -> None:
        with Publisher(self.kafka, CODEC, "test") as publisher:
            publisher.publish(topic, record)

    def wait_for(self, topic: TopicSpec, enough: Callable[[list[object]], bool]) -> list[object]:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            follower = Follower(self.kafka, CODEC, [topic])
            try:
                found = [fact.record for fact in follower.catch_up()]
            finally:
                follower.close()
            if enough(found):
                return found
            time.sleep(0.5)
        raise AssertionError((self.folder / "worker.log").read_text()[-4_000:])


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    (tmp_path / "broker").mkdir()
    with Supervisor(tmp_path / "broker") as running:
        embedded = TansuBroker(running)
        embedded.start()
        made = Place(embedded.settings, tmp_path)
        try:
            yield made
        finally:
            made.worker.kill()
            made.worker.wait()


def kinds(records: list[object]) -> list[str]:
    return [str(record.kind) for record in records if isinstance(record, ModelRelease)]


def test_the_worker_decides_obeys_orders_and_goes_on_after_kill_9(place: Place) -> None:
    created = place.command("create", str(place.proposal("r1")))
    assert created.returncode == 0, created.stderr
    again = place.command("create", str(place.proposal("r1")))
    assert (again.returncode, "was proposed before" in again.stderr) == (2, True)
    place.publish(OTA_ACKS, factories.ota_ack(release_id="nobody's"))
    place.wait_for(MODEL_RELEASES, lambda found: kinds(found) == ["PROPOSED", "VERIFIED"])
    assert place.command("approve", "r1").returncode == 0
    opened = ["PROPOSED", "VERIFIED", "APPROVED", "WAVE_OPENED"]
    place.wait_for(MODEL_RELEASES, lambda found: kinds(found) == opened)

    place.worker.send_signal(signal.SIGKILL)
    place.worker.wait()
    paused = place.command("pause", "r1", "--reason", "noise", "--stratum", "HW3")
    assert paused.returncode == 0, paused.stderr
    place.worker = place.start()
    place.wait_for(MODEL_RELEASES, lambda found: kinds(found) == [*opened, "PAUSED"])

    shown = place.command("get", "r1", "-o", "json")
    rows = {row["stratum"]: row["status"] for row in json.loads(shown.stdout)}
    assert rows == {"HW3": "PAUSED", "HW4": "OPEN", "AI5": "OPEN"}
    useless = place.command("resume", "r1", "--reason", "too soon", "--stratum", "HW4")
    assert (useless.returncode, "HW4 is OPEN" in useless.stderr) == (3, True)
    back = place.command("rollback", "r1", "--reason", "it is the first")
    assert (back.returncode, "no parent to go back to" in back.stderr) == (3, True)
    assert place.command("status", "r1", "--timeout", "1").returncode == 5
    missing = place.command("pause", "r7", "--reason", "typing error")
    assert missing.returncode == 3
    assert "no release r7; see: fleetloop releases list" in missing.stderr

    letters = place.wait_for(DEAD_LETTERS, bool)
    refused = {one.event_id: one for one in letters if isinstance(one, DeadLetter)}
    (letter,) = refused.values()
    assert (letter.topic, letter.field, letter.stage) == ("ota-acks", "release_id", "rollout")

    place.worker.send_signal(signal.SIGTERM)
    assert place.worker.wait(20) == 0
