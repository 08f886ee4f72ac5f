"""Chosen labels are worth more than random ones, on pictures nobody trained on."""

import json
import os
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from infra.learning.site import recorded, rendered
from infra.learning.trial import play
from producers.camera.recording import read_recording
from producers.evaluation import compare, evaluate
from tests.command_line import fleetloop
from tests.unit.producers.speech.speech_kit import recordings


def test_on_recorded_tracks_a_hundred_chosen_labels_beat_as_many_random_ones() -> None:
    shared = Path(os.environ.get("FLEETLOOP_SHARED", Path(__file__).parents[5] / "shared"))
    folder = shared / "data" / "gtsrb_tracks"
    if not folder.exists():
        pytest.skip(f"needs the recorded traffic signs in {folder} (FLEETLOOP_SHARED)")
    site = recorded(read_recording(folder), seed=0)
    assert (len(site.drive), len(site.met), len(site.test.slices)) == (242, 673, 392)
    trial = play(site, seed=0, budget=100, strategies=["ours", "random"])
    ours, chance = trial.second["ours"], trial.second["random"]
    assert ours.labels == chance.labels == 100
    assert ours.worth.accuracy - trial.first.worth.accuracy > 0.10
    assert compare(ours.model, trial.first.model, site.test).low > 0.03
    assert ours.worth.accuracy > chance.worth.accuracy
    assert ours.worth.hard - chance.worth.hard > 0.02


@pytest.mark.parametrize("seed", range(1, 4))
def test_fifty_labels_make_the_next_release_better(seed: int) -> None:
    site = rendered(seed)
    trial = play(site, seed, budget=50, strategies=["ours"])
    before = evaluate(trial.first.model, site.test)
    assert 0.74 < before.mean < 0.88
    assert before.per_slice["weather/CLEAR"] > before.per_slice["weather/SNOW"]
    gain = compare(trial.second["ours"].model, trial.first.model, site.test)
    assert gain.low > 0
    assert gain.mean > 0.025


def test_without_a_recording_the_rendered_camera_serves(tmp_path: Path) -> None:
    out = tmp_path / "loop"
    words = ("--budget", "50", "--seeds", "1", "--strategies", "ours", "--out", str(out))
    told = json.loads(fleetloop("loop", "rendered", *words, "-o", "json").stdout)
    first, ours = told["by_seed"]
    assert ours["accuracy"] > first["accuracy"] + 0.02
    model, test = out / "seed-0" / "release-2-ours.onnx", out / "seed-0" / "test.npz"
    judged = fleetloop("models", "evaluate", str(model), "--pictures", str(test), "-o", "json")
    assert round(json.loads(judged.stdout)["accuracy"], 4) == ours["accuracy"]
    files = (str(out / "seed-0" / "release-1.onnx"), str(model), "--pictures", str(test))
    gained = json.loads(fleetloop("models", "compare", *files, "-o", "json").stdout)
    assert gained["older"]["encounters"] == 400
    assert gained["difference"]["low"] > 0
    assert sha256(model.read_bytes()).hexdigest() == ours["digest"]


def test_digits_of_people_are_learnt_by_speaker(tmp_path: Path) -> None:
    """Two takes of a digit by four voices: enough to see that every file and figure is there."""
    out, folder = tmp_path / "loop", recordings(tmp_path)
    words = ("--data", str(folder), "--budget", "20", "--seeds", "1", "--out", str(out))
    told = json.loads(fleetloop("loop", "digits", *words, "-o", "json").stdout)
    assert [row["strategy"] for row in told["strategies"]] == ["ours", "random"]
    first, ours, chance = told["by_seed"]
    assert (first["labels"], ours["labels"], chance["labels"]) == (0, 20, 20)
    model, test = out / "seed-0" / "release-2-ours.onnx", out / "seed-0" / "test.npz"
    judged = fleetloop("models", "evaluate", str(model), "--pictures", str(test), "-o", "json")
    assert round(json.loads(judged.stdout)["accuracy"], 4) == ours["accuracy"]
    assert set(np.load(test).files) == {"sounds", "labels", "encounters"}
    missing = fleetloop("loop", "digits", "--data", str(tmp_path / "nowhere"))
    assert (missing.exit_code, "no such folder" in missing.stderr) == (1, True)


def test_a_strategy_nobody_knows_is_named_with_those_there_are() -> None:
    found = fleetloop("loop", "rendered", "--strategies", "ours,luck")
    assert found.exit_code == 1
    assert "luck is none of ours, random, margin" in found.stderr


def test_a_folder_without_pictures_is_named(tmp_path: Path) -> None:
    found = fleetloop("loop", "gtsrb", "--data", str(tmp_path))
    assert found.exit_code == 1
    assert f"{tmp_path}: 0 .npz files" in found.stderr
