"""A model file on labelled pictures: the shares by hand, and every file that is none."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from producers.scoring import PicturesError, read_labelled, score
from tests.command_line import fleetloop
from tests.unit.producers.device import kit

DARK, MIDDLE, BRIGHT = 5, 128, 250


def pictures(*levels: int) -> Any:
    return np.stack([np.full((32, 32, 3), level, np.uint8) for level in levels])


def write(path: Path, **arrays: Any) -> Path:
    np.savez_compressed(path, **arrays)
    return path


def test_shares_are_weighted_and_classes_count_alike(tmp_path: Path) -> None:
    images = pictures(DARK, DARK, BRIGHT, BRIGHT)
    labels = np.array([0, 0, 2, 1])
    path = write(tmp_path / "p.npz", images=images, labels=labels, weight=np.array([1, 1, 3, 5]))
    found = score(kit.tiny_model(), read_labelled(path))
    assert found.accuracy == pytest.approx(5 / 10)
    assert found.per_class == {"stop": 1.0, "yield": 0.0, "no entry": 1.0}
    assert found.mean_per_class == pytest.approx(2 / 3)
    plain = write(tmp_path / "q.npz", images=images, labels=labels)
    assert score(kit.tiny_model(), read_labelled(plain)).accuracy == 0.75


def test_names_meet_whatever_the_order_and_a_class_unknown_to_the_model_is_wrong(
    tmp_path: Path,
) -> None:
    names = np.array(["no entry", "stop", "bumpy road"])
    path = write(tmp_path / "p.npz", images=pictures(BRIGHT, DARK, MIDDLE), labels=names)
    found = score(kit.tiny_model(), read_labelled(path))
    assert found.accuracy == pytest.approx(2 / 3)
    assert found.unknown == 1
    assert found.per_class["bumpy road"] == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"images": np.zeros((2, 32, 32), np.uint8)}, "images: uint8"),
        ({"images": np.zeros((2, 0, 0, 3), np.uint8)}, "images: uint8"),
        ({"images": np.zeros((2, 32, 32, 3), np.float32)}, "images: float32"),
        ({"images": np.zeros((0, 32, 32, 3), np.uint8)}, "there are none"),
        ({"labels": np.array([0])}, "labels: int64"),
        ({"labels": np.array([0.0, 1.0])}, "labels: float64"),
        ({"weight": np.array([1.0])}, "weight: float64"),
        ({"weight": np.array([1.0, -1.0])}, "at least 0"),
        ({"weight": np.array([0.0, 0.0])}, "one of them above"),
        ({"weight": np.array([1.0, np.nan])}, "at least 0"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    arrays = {"images": pictures(DARK, BRIGHT), "labels": np.array([0, 2])} | change
    with pytest.raises(PicturesError, match=said):
        read_labelled(write(tmp_path / "p.npz", **arrays))


def test_a_label_outside_the_models_classes_is_refused_with_its_place(tmp_path: Path) -> None:
    path = write(tmp_path / "p.npz", images=pictures(DARK, BRIGHT), labels=np.array([0, 3]))
    with pytest.raises(PicturesError, match=r"labels\[1\] = 3: the model has classes 0 to 2"):
        score(kit.tiny_model(), read_labelled(path))


def test_the_command_tells_it_as_json_and_refuses_in_one_sentence(tmp_path: Path) -> None:
    model = tmp_path / "m.onnx"
    model.write_bytes(kit.tiny_model())
    path = write(tmp_path / "p.npz", images=pictures(DARK), labels=np.array([0]))
    words = ("models", "evaluate", str(model), "--pictures", str(path))
    done = fleetloop(*words, "-o", "json")
    assert (done.exit_code, json.loads(done.stdout)["accuracy"]) == (0, 1.0)
    assert "accuracy 1.0000" in fleetloop(*words).stderr
    path.write_bytes(path.read_bytes()[:100])
    assert "not a readable .npz" in fleetloop(*words).stderr
    model.write_bytes(b"no model")
    write(path, images=pictures(DARK), labels=np.array([0]))
    torn = fleetloop(*words)
    assert (torn.exit_code, torn.stdout) == (1, "")
    assert "onnxruntime refuses it" in torn.stderr
