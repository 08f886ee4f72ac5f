"""`fleetloop models`: what is listed, what a card says after an erasure, who is better on what."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infra.cli import dataset_log, model_files
from infra.cli import releases as releases_command
from infra.cli.output import Exit
from producers import training
from producers.evaluation import compare, evaluate
from producers.proposing import Desk, proposal
from schemas.decisions import ReleaseBook
from schemas.records import DeviceClass
from schemas.signing import Keyring, PublicKey, Role, Signer
from schemas.tasks import ROAD_SIGNS
from tests.command_line import fleetloop
from tests.unit.infra.datasets.kit import CAMERA, GONE, Site, two_datasets
from tests.unit.producers.test_evaluation import CLASSES, held_back, oracle

RELEASE = "perception-1"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Two datasets, and a release trained on the second."""
    made = two_datasets(tmp_path)
    monkeypatch.setattr(training, "fit_apart", lambda *_: oracle(CAMERA.classes[:3], 30))
    signer = Signer("trainer", Ed25519PrivateKey.generate())
    keys = {"trainer": PublicKey(signer.public().key, frozenset({Role.TRAINER}))}
    book = ReleaseBook(Keyring(keys))
    desk = Desk(
        objects=made.objects,
        signer=signer,
        device_class=DeviceClass.VEHICLE,
        strata=("HW3",),
        task=ROAD_SIGNS,
        held_back=None,
        now_us=lambda: 1,
    )
    dataset = made.book().line("perception").dataset
    assert dataset is not None
    assert book.observe(proposal(desk, book, dataset), offset=0, stamp_us=1).valid
    for module in (model_files, releases_command):
        monkeypatch.setattr(module, "read_book", lambda _: book)
    monkeypatch.setattr(dataset_log, "read_whole", lambda _, topic: made.facts[topic.name])
    monkeypatch.setenv("FLEETLOOP_OBJECTS_URL", f"file://{tmp_path}/objects")
    return made


def run(*words: str) -> Any:
    result = fleetloop("models", *words, "-o", "json")
    assert result.exit_code == Exit.OK, result.output
    return json.loads(result.stdout)


def test_after_an_erasure_card_and_release_name_it(site: Site) -> None:
    before = run("get", RELEASE)
    assert before["erasures"] == []
    site.erase(GONE)
    after = run("get", RELEASE)
    assert after["erasures"] == [
        {"erasure_id": "erasure-of-e", "at": "1970-01-01T00:00:09Z", "examples": 3}
    ]
    assert after["card"] == before["card"]  # what was said at release time stays as it was
    assert after["card"]["dataset_id"] == "perception-1"
    table = fleetloop("models", "get", RELEASE).stdout
    assert "3 examples, at 1970-01-01T00:00:09Z" in table
    told = fleetloop("releases", "get", RELEASE)
    assert told.exit_code == Exit.OK
    assert f"{RELEASE} is affected by erasure erasure-of-e" in told.stderr
    assert json.loads(fleetloop("releases", "get", RELEASE, "-o", "json").stdout)


def test_a_release_whose_manifest_is_gone_says_that_it_cannot_tell(site: Site) -> None:
    site.erase(GONE)
    for path in (site.folder / "objects" / "manifests").rglob("*.parquet"):
        path.unlink()
    told = fleetloop("releases", "get", RELEASE)
    assert told.exit_code == Exit.OK
    assert "cannot be told: no object at" in told.stderr


@pytest.mark.usefixtures("site")
def test_models_are_listed_with_what_was_measured() -> None:
    (row,) = run("list")
    assert (row["release_id"], row["dataset_id"]) == (RELEASE, "perception-1")
    assert len(row["digest"]) == 64
    assert 0 <= row["accuracy_low"] <= row["accuracy"] <= row["accuracy_high"] <= 1
    unknown = fleetloop("models", "get", "perception-9")
    assert unknown.exit_code == Exit.CONDITION_NOT_MET
    assert "no model perception-9" in unknown.stderr


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str, str]:
    """A model that errs from encounter 20 on, one that errs from 30 on, and their pictures."""
    for name, wrong_above in (("older", 20), ("newer", 30)):
        (tmp_path / f"{name}.onnx").write_bytes(oracle(CLASSES, wrong_above))
    held = held_back()
    pictures = tmp_path / "pictures.npz"
    labels = np.array(CLASSES)[held.labels]
    np.savez(pictures, images=held.frames, labels=labels, encounters=held.groups)
    return str(tmp_path / "older.onnx"), str(tmp_path / "newer.onnx"), str(pictures)


def test_two_files_are_compared_by_encounter(files: tuple[str, str, str]) -> None:
    older, newer, pictures = files
    found = run("compare", older, newer, "--pictures", pictures)
    held = held_back()
    one, other = Path(older).read_bytes(), Path(newer).read_bytes()
    assert found["older"]["mean"] == evaluate(one, held).mean == 0.5
    assert found["newer"]["mean"] == 0.75
    expected = compare(other, one, held)
    assert found["difference"]["mean"] == expected.mean == 0.25
    assert found["difference"]["low"] == expected.low > 0
    assert found["calibration_bins"] == 10
    assert set(found["parts"]) == {f"class/{name}" for name in CLASSES}
    part = found["parts"]["class/a"]
    assert part["newer"] - part["older"] == pytest.approx(part["difference"])
    assert part["low"] <= part["difference"] <= part["high"]
    assert sum(each["encounters"] for each in found["parts"].values()) == 40
    table = fleetloop("models", "compare", older, newer, "--pictures", pictures)
    assert "calibration error over 10 bins" in table.stderr
    assert "class/a" in table.stdout


def test_without_encounters_each_picture_is_alone_and_the_interval_too_narrow(
    files: tuple[str, str, str], tmp_path: Path
) -> None:
    older, newer, pictures = files
    with np.load(pictures) as arrays:
        np.savez(tmp_path / "alone.npz", images=arrays["images"], labels=arrays["labels"])
    grouped = run("compare", older, newer, "--pictures", pictures)
    alone = run("compare", older, newer, "--pictures", str(tmp_path / "alone.npz"))
    assert alone["older"]["encounters"] == 200
    assert alone["difference"]["mean"] == grouped["difference"]["mean"]
    assert alone["difference"]["low"] > grouped["difference"]["low"]


@pytest.mark.parametrize(
    ("encounters", "said"),
    [
        (np.zeros(3, np.int64), "encounters: int64 [3], must be one integer or name"),
        (np.zeros(200), "encounters: float64 [200]"),
        (np.zeros(200, np.int64), "encounter 0: pictures of several labels"),
    ],
)
def test_wrong_encounters_are_named(
    files: tuple[str, str, str], tmp_path: Path, encounters: Any, said: str
) -> None:
    older, newer, pictures = files
    with np.load(pictures) as arrays:
        np.savez(
            tmp_path / "bad.npz",
            images=arrays["images"],
            labels=arrays["labels"],
            encounters=encounters,
        )
    result = fleetloop("models", "compare", older, newer, "--pictures", str(tmp_path / "bad.npz"))
    assert result.exit_code == Exit.ERROR
    assert said in result.stderr


@pytest.mark.usefixtures("site")
def test_releases_are_compared_on_the_validation_side_of_a_dataset() -> None:
    found = run("compare", RELEASE, RELEASE, "--dataset", "perception-0")
    assert found["difference"] == {"mean": 0.0, "low": 0.0, "high": 0.0}
    assert "origin/test-drive" in found["parts"]
    neither = fleetloop("models", "compare", RELEASE, RELEASE)
    assert neither.exit_code == Exit.USAGE
    assert "--pictures or --dataset" in neither.stderr
