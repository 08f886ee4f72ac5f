"""What the offline gate stops, and what it lets pass as luck of a seed."""

import numpy as np
import pytest

from producers.camera.camera import HeldBack
from producers.evaluation import Gains, gains
from producers.offline_gate import ALPHA, SliceGain, WorseError, pass_or_raise, slice_gains
from tests.unit.producers.test_evaluation import CLASSES, held_back, oracle

PARENT = oracle(CLASSES, wrong_above=99)
LOST_NIGHT = oracle(CLASSES, wrong_above=30)  # of 60 encounters the last thirty are night


def measured(new: bytes, parent: bytes, held: HeldBack) -> dict[str, SliceGain]:
    return slice_gains(gains(new, parent, held), held)


def test_a_lost_slice_is_named_when_the_twin_loses_it_too() -> None:
    found = measured(LOST_NIGHT, PARENT, held_back(60))
    assert found["light/NIGHT"] == SliceGain(encounters=30, mean=-1.0, upper=-1.0)
    assert not found["light/DAY"].worse
    with pytest.raises(WorseError, match=r"worse than r1 on .*light/NIGHT by 1\.000 \(twin 1\.000"):
        pass_or_raise("r1", found, lambda: found)


def test_what_only_one_seed_loses_is_luck() -> None:
    found = measured(LOST_NIGHT, PARENT, held_back(60))
    pass_or_raise("r1", found, lambda: measured(PARENT, PARENT, held_back(60)))


def test_a_model_that_loses_nothing_trains_no_twin() -> None:
    def never() -> dict[str, SliceGain]:
        raise AssertionError

    pass_or_raise("r1", measured(PARENT, LOST_NIGHT, held_back(60)), never)


def test_a_small_loss_of_one_class_is_tolerated() -> None:
    few = SliceGain(encounters=25, mean=-0.115, upper=-0.02)
    pass_or_raise("r1", {"class/a": few}, lambda: {"class/a": few})


def test_a_slice_of_few_encounters_protects_nobody() -> None:
    found = measured(LOST_NIGHT, PARENT, held_back(encounters=59))
    assert "light/NIGHT" not in found  # 29 of them
    assert set(found) == {"light/DAY"}


def test_a_model_no_worse_is_seldom_stopped_by_its_first_seed() -> None:
    rng = np.random.default_rng(11)
    runs, encounters = 40, 90
    groups = np.arange(encounters)
    slices = tuple({"region": f"r{one % 6}"} for one in range(encounters))
    pictures = np.zeros((encounters, 32, 32, 3), np.uint8)
    held = HeldBack(pictures, groups % 3, groups, CLASSES, slices)
    stopped = 0
    for _ in range(runs):
        sums = rng.choice([-1.0, 0.0, 1.0], encounters, p=[0.1, 0.8, 0.1])
        drawn = Gains(sums, np.ones(encounters, np.int64))
        stopped += any(gain.worse for gain in slice_gains(drawn, held).values())
    assert stopped / runs <= 3 * ALPHA
