"""Trainer and reviewer as processes on a real broker, killed with kill -9 between two answers."""

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from infra.keys import load_keyring
from producers.camera.rendered import RenderedCamera
from producers.model.runtime import Model
from producers.seed_dataset import publish_seed
from schemas.decisions import ReleaseBook
from schemas.topics import LABEL_REQUESTS, LABEL_REVIEWS, MODEL_RELEASES
from tests.factories import label_request
from tests.learning_school import School, open_school

pytestmark = pytest.mark.engine

SCENARIO = """
name: learning
seed: 11
devices: {HW3: 1, AI5: 1}
regions: {city: 1}
weather: {city: {CLEAR: 1}}
"""


@pytest.fixture
def school(tmp_path: Path) -> Iterator[School]:
    with open_school(tmp_path, SCENARIO) as made:
        yield made


def ask(school: School, numbers: range) -> None:
    for number in numbers:
        asked = label_request(
            event_id=f"ask-1/{number}",
            device_id=f"hw3-{number % 3}",
            edge_case_id=f"hw3-{number % 3}/1/{number}",
            encounter_id=f"hw3-{number % 3}/{number}",
        )
        school.publisher.publish(LABEL_REQUESTS, asked)
    school.publisher.flush()


def test_every_question_is_answered_once_through_a_kill(school: School) -> None:
    reviewer = school.worker("reviewer")
    ask(school, range(20))
    school.wait(lambda: len(school.read(LABEL_REVIEWS)) >= 20)
    reviewer.kill()
    reviewer.wait()
    ask(school, range(15, 40))
    again = school.worker("reviewer")
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
    trainer = school.worker("trainer")
    school.wait(lambda: bool(psutil.Process(trainer.pid).children()))
    training = psutil.Process(trainer.pid).children()
    trainer.kill()
    trainer.wait()
    assert psutil.wait_procs(training, timeout=10)[1] == []
    assert school.read(MODEL_RELEASES) == []
    second = school.worker("trainer")
    school.wait(lambda: bool(school.read(MODEL_RELEASES)))
    resident_mb = psutil.Process(second.pid).memory_info().rss / 2**20
    print(f"trainer: {resident_mb:.0f} MB resident")  # noqa: T201 - shown with -s
    assert resident_mb < 300
    second.terminate()
    assert second.wait(20) == 0, school.said()
    third = school.worker("trainer")
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
