"""A digit model released, gated, mined and retrained: what robots hear, through the same parts.

No part of the gate, the fleet, the assembler's choice or the trainer is told that these are
robots; what differs is the scenario, the catalogue's hardware and the dataset's task.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import onnx
import pytest

from infra.learning.site import Site, recorded_speech
from infra.learning.trial import play
from infra.objects import ObjectStore
from producers.camera.camera import Encounter, EncounterRequest
from producers.camera.draws import key
from producers.model.graph import sealed
from producers.seed_dataset import seed_record
from producers.speech.phones import DIGITS
from producers.speech.synthesised import SynthesisedSpeech
from producers.training import train
from schemas.catalogue import CATALOGUE
from schemas.manifests import from_parquet
from schemas.media import SOUND
from schemas.records import DeviceClass
from schemas.strata import StratumStatus as S
from schemas.tasks import SPOKEN_DIGITS, task_of
from schemas.topics import EDGE_CASES, INFERENCE_EVENTS
from streams.rollout.policy import Policy
from streams.rollout.rules import MetricRules, ShareRule
from tests.unit.producers.fleet_loop import Loop

HARDWARE = "OPTIMUS_G2"
ROBOTS = {
    "device_class": DeviceClass.ROBOT,
    "strata": (HARDWARE,),
    "deadline_us": {HARDWARE: CATALOGUE.hardware[HARDWARE].deadline_us},
    "artifact": {"input_shape": (-1, *SOUND.shape)},
}
POLICY = Policy(
    metrics=MetricRules(latency=ShareRule()),
    ceiling=0.2,
    holdback=0.0,
    waves=(0.5, 1.0),
    soak_s=5,
    patience_s=600,
    monitor_s=5,
    minimum_devices=5,
    rollback_settle_s=2,
)
ON_ITS_WAY = frozenset({S.APPROVED, S.OPEN, S.ROLLING_BACK})
EAR = SynthesisedSpeech(11, frames=3)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Of the test drive, through its dataset: objects, manifest, trainer."""
    folder = tmp_path_factory.mktemp("objects")
    objects = ObjectStore(f"file://{folder}")
    record = seed_record(EAR, objects, line="digits", now_us=1)
    manifest = from_parquet(objects.get(record.manifest_uri or ""))
    assert task_of(manifest) is SPOKEN_DIGITS
    assert all(one.frame_uri.endswith(".wav") for one in manifest.examples)
    trained = train(manifest, objects, 1, EAR.held_back(99, 60))
    assert 0.4 < trained.metrics["accuracy"] < 0.9
    assert {"slice/voice/HIGH", "slice/room/LOUD"} <= set(trained.metrics)
    assert trained.known is not None
    return trained.model


class Room(SynthesisedSpeech):
    """Sixty words, said again and again: the gate cares how soon they are answered."""

    def __init__(self) -> None:
        super().__init__(11, frames=3)
        self._said = super().encounters([EncounterRequest(f"robot-{n % 6}", n) for n in range(60)])

    def encounters(self, requests: Sequence[EncounterRequest]) -> list[Encounter]:
        return [
            replace(
                self._said[(key(0, ask.device_id) + ask.number) % len(self._said)],
                encounter_id=f"{ask.device_id}/{ask.number}",
            )
            for ask in requests
        ]


def again(model: bytes) -> bytes:
    """Another file that answers alike."""
    return sealed(onnx.load_from_string(model), {"classes": json.dumps(DIGITS), "seed": "again"})


def loop(model: bytes, **cost_ns: int) -> Loop:
    return Loop(
        POLICY,
        hardware=HARDWARE,
        first=model,
        released=ROBOTS,
        camera=Room(),
        microphone={},
        weather={},
        factor_ns=cost_ns,
        triggers={"random_share": 0.5, "burst": 100},
    )


def test_a_good_model_comes_to_every_robot_which_hands_on_what_it_heard(model: bytes) -> None:
    robots = loop(model)
    robots.release("r2", None, body=again(model), parent_release_id="r1", **ROBOTS)
    assert robots.drive("r2", 120, through=ON_ITS_WAY) is S.COMPLETED
    robots.play(5)
    assert set(robots.running()) == {"r2"}
    windows = robots.outbox.on(INFERENCE_EVENTS)
    assert {(one.device_class, one.deadline_us) for one in windows} == {(DeviceClass.ROBOT, 30_000)}
    kept = robots.outbox.on(EDGE_CASES)
    assert len(kept) > 20
    for one in kept:
        frames = SOUND.decode(robots.album.bodies[one.frame.digest])
        assert (one.frame.media_type, len(frames)) == ("audio/wav", 3)
        assert (one.frame.width, one.frame.height) == SOUND.size(3)


def test_a_model_too_slow_for_a_robots_hands_is_rolled_back(model: bytes) -> None:
    """3 ms here are 36 on a robot: a vehicle of the same factor would have 50."""
    robots = loop(model, r2=3_000_000)
    robots.release("r2", None, body=again(model), parent_release_id="r1", **ROBOTS)
    assert robots.drive("r2", 120, through=ON_ITS_WAY) is S.ROLLED_BACK
    assert set(robots.running()) == {"r1"}


def test_labels_of_what_people_said_make_the_next_release_better() -> None:
    """On real recordings; the test's speaker is in neither release's training set."""
    shared = Path(os.environ.get("FLEETLOOP_SHARED", Path(__file__).parents[4] / "shared"))
    folder = shared / "data" / "fsdd_voice"
    if not folder.exists():
        pytest.skip(f"needs the recorded digits in {folder} (FLEETLOOP_SHARED)")
    site: Site = recorded_speech(folder, 1)
    trial = play(site, 1, 50, ["ours"])
    second = trial.second["ours"]
    assert second.labels == 50
    assert second.worth.accuracy > trial.first.worth.accuracy + 0.05
    assert second.worth.hard > trial.first.worth.hard
