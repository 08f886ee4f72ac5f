"""What travels with a model as known inputs: its clearest right answers, of several classes."""

import numpy as np
import pytest

from producers.camera.camera import HeldBack
from producers.known_choice import MOST, choose
from tests.unit.producers.device import kit


def held_back(levels: list[int], labels: list[int]) -> HeldBack:
    """Grey pictures: the tiny model calls them by their brightness."""
    images = np.array(levels, np.uint8)[:, None, None, None] * np.ones((1, 32, 32, 3), np.uint8)
    rows = np.arange(len(levels))
    return HeldBack(images, np.array(labels), rows, kit.CLASSES, tuple({} for _ in levels))


def test_the_clearest_right_answer_of_each_class_is_taken() -> None:
    known = choose(
        kit.tiny_model(), held_back([0, 40, 128, 140, 255, 200, 0], [0, 0, 1, 1, 2, 2, 2])
    )
    assert known is not None
    assert dict(zip(known.names, known.inputs[:, 0, 0, 0].tolist(), strict=True)) == {
        "stop": 0,
        "yield": 128,
        "no entry": 255,
    }
    assert len(known.names) <= MOST


@pytest.mark.parametrize(
    ("levels", "labels"),
    [
        ([0, 20, 30], [0, 0, 0]),  # one class: a model that always says it would pass
        ([0, 128, 255], [1, 2, 0]),  # all wrong
        ([64, 192], [0, 2]),  # right by a hair
        ([], []),
    ],
)
def test_without_clear_answers_of_several_classes_there_are_none(
    levels: list[int], labels: list[int]
) -> None:
    assert choose(kit.tiny_model(), held_back(levels, labels)) is None
