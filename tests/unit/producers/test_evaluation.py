"""Accuracy and differences: by name, by encounter, the same every time."""

import dataclasses

import numpy as np
import pytest
from onnx import TensorProto

from producers.camera.camera import HeldBack
from producers.camera.rendered import RenderedCamera
from producers.evaluation import EvaluationError, compare, evaluate
from producers.model.graph import Graph, to_bytes
from schemas.media import PICTURES

CLASSES = ("a", "b", "c")


def oracle(names: tuple[str, ...], wrong_above: int) -> bytes:
    """A model that reads the class from the first pixel's red; wrong where its green is high."""
    graph = Graph()
    pixel = graph.add("Cast", "image", to=TensorProto.FLOAT)
    ends = [np.array([0, 0, 0], np.int64), np.array([1, 1, 2], np.int64)]
    axes = np.array([1, 2, 3], np.int64)
    both = graph.add("Flatten", graph.add("Slice", pixel, *ends, axes))
    red = graph.add("Gather", both, np.array([0], np.int64), axis=1)
    green = graph.add("Gather", both, np.array([1], np.int64), axis=1)
    wrong = graph.add("Cast", graph.add("Greater", green, np.array(wrong_above - 0.5)), to=1)
    said = graph.add("Mod", graph.add("Add", red, wrong), np.array(3.0), fmod=1)
    places = np.array([CLASSES.index(name) if name in CLASSES else 9 for name in names], float)
    gap = graph.add("Abs", graph.add("Sub", said, places[None]))
    graph.add("Softmax", graph.add("Mul", gap, np.array(-9.0)), output="prob", axis=1)
    graph.add("Identity", both, output="emb")
    metadata = {"classes": str(list(names)).replace("'", '"')}
    return to_bytes(graph, PICTURES, {"prob": len(names), "emb": 2}, metadata, "oracle")


def held_back(encounters: int = 40, frames: int = 5) -> HeldBack:
    """Red says the class, green the encounter."""
    groups = np.arange(encounters).repeat(frames)
    images = np.zeros((len(groups), 32, 32, 3), np.uint8)
    images[:, 0, 0, 0] = groups % 3
    images[:, 0, 0, 1] = groups
    slices = tuple({"light": "NIGHT" if one >= 30 else "DAY"} for one in range(encounters))
    return HeldBack(images, groups % 3, groups, CLASSES, slices)


def test_accuracy_counts_pictures_and_its_interval_counts_encounters() -> None:
    found = evaluate(oracle(CLASSES, wrong_above=30), held_back())
    assert found.mean == 0.75
    assert (found.pictures, found.encounters) == (200, 40)
    # 40 independent encounters at 3/4: a standard error of 6.8 points, whatever the frames.
    assert found.low == pytest.approx(0.75 - 1.96 * 0.068, abs=0.03)
    assert found.high == pytest.approx(0.75 + 1.96 * 0.068, abs=0.03)
    assert found.per_slice == {"light/DAY": 1.0, "light/NIGHT": 0.0}
    assert set(found.per_class) == set(CLASSES)


def test_more_frames_of_the_same_encounters_make_nothing_surer() -> None:
    few = evaluate(oracle(CLASSES, wrong_above=30), held_back(frames=2))
    many = evaluate(oracle(CLASSES, wrong_above=30), held_back(frames=20))
    assert (few.low, few.high) == (many.low, many.high)


def test_a_region_with_enough_encounters_has_a_reference_of_its_own() -> None:
    whole = held_back(encounters=300)
    slices = tuple({"region": "city" if at < 250 else "alps"} for at in range(300))
    found = evaluate(oracle(CLASSES, wrong_above=30), dataclasses.replace(whole, slices=slices))
    assert list(found.regions) == ["city"]
    assert (found.regions["city"].encounters, found.reference.encounters) == (250, 300)
    assert found.regions["city"].frames == 250 * 5


def test_classes_are_matched_by_name() -> None:
    assert evaluate(oracle(("c", "a", "b"), wrong_above=99), held_back()).mean == 1.0
    fewer = evaluate(oracle(("b", "c"), wrong_above=99), held_back())
    assert fewer.per_class["a"] == 0.0
    assert fewer.per_class["b"] == 1.0


def test_a_model_against_itself_differs_by_nothing() -> None:
    model = oracle(CLASSES, wrong_above=20)
    found = compare(model, model, held_back())
    assert (found.mean, found.low, found.high) == (0, 0, 0)


def test_a_difference_is_paired_and_signed() -> None:
    better, worse = oracle(CLASSES, wrong_above=30), oracle(CLASSES, wrong_above=20)
    gain, loss = compare(better, worse, held_back()), compare(worse, better, held_back())
    assert gain.mean == 0.25
    assert 0 < gain.low < 0.25 < gain.high
    assert (loss.mean, loss.low, loss.high) == pytest.approx((-gain.mean, -gain.high, -gain.low))


def test_the_same_question_gets_the_same_answer(small_model: bytes, camera: RenderedCamera) -> None:
    pictures = camera.held_back(1, 40)
    assert evaluate(small_model, pictures) == evaluate(small_model, pictures)
    assert 0.2 < evaluate(small_model, pictures).mean < 0.9


def test_a_sure_and_right_model_is_calibrated() -> None:
    assert evaluate(oracle(CLASSES, wrong_above=99), held_back()).calibration_error < 1e-3
    assert evaluate(oracle(CLASSES, wrong_above=0), held_back()).calibration_error > 0.99


def test_what_says_nothing_is_refused() -> None:
    model, whole = oracle(CLASSES, wrong_above=30), held_back()
    empty = HeldBack(whole.frames[:0], whole.labels[:0], whole.groups[:0], CLASSES, ())
    with pytest.raises(EvaluationError, match="0 frames, 0 labels, 0 groups"):
        evaluate(model, empty)
    with pytest.raises(EvaluationError, match="199 labels"):
        evaluate(model, dataclasses.replace(whole, labels=whole.labels[1:]))
    with pytest.raises(EvaluationError, match="highest group 41"):
        compare(model, model, dataclasses.replace(whole, groups=whole.groups + 2))
    with pytest.raises(EvaluationError, match="39 slices"):
        evaluate(model, dataclasses.replace(whole, slices=whole.slices[1:]))
