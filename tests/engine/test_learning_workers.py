"""Trainer and reviewer as processes on a real broker, killed with kill -9 between two answers."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

from infra.kafka.admin import Admin
from infra.kafka.follower import Follower
from infra.kafka.publisher import Publisher
from infra.keys import load_keyring, make_keys
from infra.objects import ObjectStore
from infra.settings import KafkaSettings
from infra.stack.supervisor import Supervisor
from infra.stack.tansu import TansuBroker
from infra.topics import apply_all
from producers.camera.rendered import RenderedCamera
from producers.model.runtime import Model
from producers.seed_dataset import publish_seed
from schemas.codec import Codec
from schemas.decisions import ReleaseBook
from schemas.registry import FileRegistry
from schemas.topics import LABEL_REQUESTS, LABEL_REVIEWS, MODEL_RELEASES, TopicSpec
from tests.factories import label_request

pytestmark = pytest.mark.engine

SCENARIO = """
name: learning
seed: 11
devices: {HW3: 1, AI5: 1}
regions: {city: 1}
weather: {city: {CLEAR: 1}}
"""
PATIENCE_S = 90.0


class School:
    """A broker, an object store, keys and a scenario; workers as processes."""

    def __init__(self, kafka: KafkaSettings, folder: Path) -> None:
        self.folder = folder
        self.codec = Codec(FileRegistry())
        self.kafka = kafka
        self.objects = ObjectStore(f"file://{folder}/objects")
        self.publisher = Publisher(kafka, self.codec, "test")
        self._started: list[subprocess.Popen[bytes]] = []
        (folder / "scenario.yaml").write_text(SCENARIO)

    def start(self, name: str) -> subprocess.Popen[bytes]:
        environment = os.environ | {
            "FLEETLOOP_KAFKA__BOOTSTRAP": self.kafka.bootstrap,
            "FLEETLOOP_KAFKA__MEMORY_ONLY": str(self.kafka.memory_only),
            "FLEETLOOP_OBJECTS_URL": f"file://{self.folder}/objects",
            "FLEETLOOP_KEYS_DIR": str(self.folder / "keys"),
            "FLEETLOOP_SCENARIO_FILE": str(self.folder / "scenario.yaml"),
        }
        place = len(self._started)
        with (self.folder / f"{place}-{name}.log").open("wb") as said:
            self._started.append(
                subprocess.Popen(
                    [sys.executable, "-m", "infra.cli.main", "worker", "run", name],
                    env=environment,
                    stdout=said,
                    stderr=subprocess.STDOUT,
                )
            )
        return self._started[-1]

    def ask(self, numbers: range) -> None:
        for number in numbers:
            asked = label_request(
                event_id=f"ask-1/{number}",
                device_id=f"hw3-{number % 3}",
                edge_case_id=f"hw3-{number % 3}/1/{number}",
                encounter_id=f"hw3-{number % 3}/{number}",
            )
            self.publisher.publish(LABEL_REQUESTS, asked)
        self.publisher.flush()

    def read(self, topic: TopicSpec) -> list[Any]:
        follower = Follower(self.kafka, self.codec, [topic], "test")
        try:
            return [fact.record for fact in follower.catch_up()]
        finally:
            follower.close()

    def wait(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.2)

    def said(self) -> str:
        return "\n".join(path.read_text()[-2_000:] for path in sorted(self.folder.glob("*.log")))

    def close(self) -> None:
        for process in self._started:
            process.kill()
            process.wait()
        self.publisher.close()


@pytest.fixture
def school(tmp_path: Path) -> Iterator[School]:
    with ExitStack() as stack:
        supervisor = stack.enter_context(Supervisor(tmp_path / "broker"))
        broker = TansuBroker(supervisor)
        broker.start()
        apply_all(Admin(broker.settings))
        make_keys(tmp_path / "keys")
        made = School(broker.settings, tmp_path)
        stack.callback(made.close)
        yield made


def test_every_question_is_answered_once_through_a_kill(school: School) -> None:
    reviewer = school.start("reviewer")
    school.ask(range(20))
    school.wait(lambda: len(school.read(LABEL_REVIEWS)) >= 20)
    reviewer.kill()
    reviewer.wait()
    school.ask(range(15, 40))
    again = school.start("reviewer")
    school.wait(lambda: len(school.read(LABEL_REVIEWS)) >= 40)
    again.terminate()
    assert again.wait(20) == 0, school.said()
    reviews = school.read(LABEL_REVIEWS)
    assert sorted(int(one.encounter_id.rpartition("/")[2]) for one in reviews) == [*range(40)]
    camera = RenderedCamera(11)
    assert all(one.label == camera.truth(one.encounter_id) for one in reviews)


def test_a_dataset_is_proposed_once_through_a_kill(school: School) -> None:
    """Killed in training: the next run trains again and proposes; one after it has nothing left."""
    camera = RenderedCamera(11)
    dataset = publish_seed(
        camera, school.objects, school.publisher, line="perception", now_us=time.time_ns() // 1_000
    )
    trainer = school.start("trainer")
    school.wait(lambda: bool(psutil.Process(trainer.pid).children()))
    training = psutil.Process(trainer.pid).children()
    trainer.kill()
    trainer.wait()
    assert psutil.wait_procs(training, timeout=10)[1] == []
    assert school.read(MODEL_RELEASES) == []
    second = school.start("trainer")
    school.wait(lambda: bool(school.read(MODEL_RELEASES)))
    resident_mb = psutil.Process(second.pid).memory_info().rss / 2**20
    print(f"trainer: {resident_mb:.0f} MB resident")  # noqa: T201 - shown with -s
    assert resident_mb < 300
    second.terminate()
    assert second.wait(20) == 0, school.said()
    third = school.start("trainer")
    time.sleep(5)
    third.terminate()
    assert third.wait(20) == 0, school.said()
    (release,) = school.read(MODEL_RELEASES)
    book = ReleaseBook(load_keyring(school.folder / "keys"))
    assert book.observe(release, offset=0, stamp_us=1).valid
    assert release.dataset_id == dataset.dataset_id
    assert release.strata == ("HW3", "AI5")
    artifact = release.artifact
    assert Model(school.objects.get(artifact.uri, digest=artifact.digest)).classes == camera.classes
    assert 0.7 < release.metrics["accuracy"] < 0.95
