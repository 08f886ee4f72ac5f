"""Robots on the real workers: a digit model released, gated, mined and retrained on a broker."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from infra.keys import load_signer
from infra.orders import signed_order
from infra.settings import ClickHouseSettings
from producers.camera.open import open_camera
from producers.scenario.file import load
from producers.seed_dataset import publish_seed
from schemas.media import SOUND
from schemas.records import CommandKind, DeviceClass, ManifestKind, ReleaseKind, Trigger
from schemas.topics import (
    DATASET_MANIFESTS,
    EDGE_CASES,
    INFERENCE_EVENTS,
    LABEL_REVIEWS,
    MODEL_RELEASES,
    ROLLOUT_COMMANDS,
)
from tests.learning_school import School, open_school
from tests.sinks import counted_until, prepare

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

DEMO = Path(__file__).parents[2] / "infra/demo"
SHARED = Path(os.environ.get("FLEETLOOP_SHARED", Path(__file__).parents[3] / "shared"))
STEP_S = 240.0
"""The longest that any of the four steps of the story takes on a busy machine."""
LABELS = 60


def test_a_digit_model_goes_round_the_loop(tmp_path: Path, database: ClickHouseSettings) -> None:
    """The demo's files, with recorded people, of whom there are 400 words to mine."""
    speech = SHARED / "data" / "fsdd_voice"
    if not speech.exists():
        pytest.skip(f"needs the recorded digits in {speech} (FLEETLOOP_SHARED)")
    scenario = changed("robots.yaml", {"speech: synthesised": f"speech: {speech}"})
    labels = {"budget: 150": f"budget: {LABELS}", "_ask: 150": f"_ask: {LABELS}", ": 300": ": 150"}
    quicker = {"[0.15, 0.6, 1.0]": "[0.5, 1.0]", "soak_s: 5": "soak_s: 3", "r_s: 8": "r_s: 4"}
    (tmp_path / "dataset.yaml").write_text(changed("robots_dataset.yaml", labels))
    (tmp_path / "policy.yaml").write_text(changed("policy.yaml", quicker))
    environment = {
        "FLEETLOOP_POLICY_FILE": str(tmp_path / "policy.yaml"),
        "FLEETLOOP_DATASET_FILE": str(tmp_path / "dataset.yaml"),
        "FLEETLOOP_CLICKHOUSE__HTTP_PORT": str(database.http_port),
        "FLEETLOOP_CLICKHOUSE__TCP_PORT": str(database.tcp_port),
        "FLEETLOOP_CLICKHOUSE__DATABASE": database.database,
    }
    with open_school(tmp_path, scenario, environment) as school:
        prepare(school.kafka, database)
        camera = open_camera(load(tmp_path / "scenario.yaml"))
        publish_seed(
            camera, school.objects, school.publisher, line="digits", now_us=time.time_ns() // 1_000
        )
        for name in ("sink", "rollout", "dataset", "trainer", "reviewer"):
            school.worker(name)
        fleet = school.start("fleet", "run")
        for release_id in ("digits-1", "digits-2"):
            reach(school, release_id, ReleaseKind.VERIFIED)
            approve(school, release_id)
            reach(school, release_id, ReleaseKind.COMPLETED)
        fleet.terminate()
        assert fleet.wait(20) == 0, school.said()
        judge_releases(school)
        judge_what_was_learnt_from(school)
        windows = len(school.read(INFERENCE_EVENTS))
        stored = counted_until(database, lambda of: of["inference-events"].rows >= windows)
        assert stored["inference-events"].rows == windows


def changed(name: str, words: Mapping[str, str]) -> str:
    """A file of the demo with other words in the place of its own."""
    text = (DEMO / name).read_text()
    for before, after in words.items():
        assert text.count(before) == 1, f"{name}: {before}"
        text = text.replace(before, after)
    return text


def approve(school: School, release_id: str) -> None:
    """The operator read the evidence."""
    operator = load_signer(school.folder / "keys", "operator")
    ordered = signed_order(
        operator,
        release_id,
        CommandKind.APPROVE,
        reason="heard",
        stratum=None,
        issued_ts=time.time_ns() // 1_000,
    )
    school.publisher.publish(ROLLOUT_COMMANDS, ordered)
    school.publisher.flush()


def steps(school: School, release_id: str) -> list[Any]:
    return [one for one in school.read(MODEL_RELEASES) if one.release_id == release_id]


def reach(school: School, release_id: str, kind: ReleaseKind) -> None:
    """Wait for a decision; where the release stands, if it does not come in time."""
    deadline = time.monotonic() + STEP_S
    while kind not in {one.kind for one in steps(school, release_id)}:
        told = [(one.kind.value, one.reason) for one in steps(school, release_id)]
        assert time.monotonic() < deadline, f"{release_id} {told}\n{school.said()}"
        time.sleep(0.5)


def judge_releases(school: School) -> None:
    """Nobody who teaches or is heard by the fleet is in the measure."""
    first, second = (steps(school, name)[0] for name in ("digits-1", "digits-2"))
    assert (second.device_class, second.strata) == (DeviceClass.ROBOT, ("OPTIMUS_G2",))
    assert second.artifact.input_shape == (-1, *SOUND.shape)
    assert second.affected_functions == ("spoken-digit recognition",)
    assert second.parent_release_id == "digits-1"
    print(f"digits: {first.metrics['accuracy']:.3f}, then {second.metrics['accuracy']:.3f}")  # noqa: T201 - shown with -s
    assert second.metrics["accuracy"] > first.metrics["accuracy"] + 0.05
    windows = school.read(INFERENCE_EVENTS)
    assert {(one.device_class, one.deadline_us) for one in windows} == {(DeviceClass.ROBOT, 30_000)}
    assert {one.release_id for one in windows} == {"digits-1", "digits-2"}


def judge_what_was_learnt_from(school: School) -> None:
    """Each label was paid for once, and what it labels was heard by a robot."""
    kept = school.read(EDGE_CASES)
    assert {one.frame.media_type for one in kept} == {SOUND.media_type}
    assert {Trigger.LOW_CONFIDENCE, Trigger.RANDOM} <= {one.trigger for one in kept}
    last = [one for one in school.read(DATASET_MANIFESTS) if one.kind is ManifestKind.ASSEMBLED][1]
    assert last.label_cost == len(school.read(LABEL_REVIEWS)) == LABELS
    assert last.leakage_audit.violations == 0
