"""Every strategy spends the same labels under the same bounds."""

from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from infra.learning.mining import mine
from infra.learning.report import estimate
from infra.learning.site import DEVICES, recorded
from infra.learning.strategies import STRATEGIES
from producers.camera.camera import Encounter, Light
from producers.camera.recording import Recording, Track
from producers.device.encounters import Glimpse

MET = 400
BUDGET = 30


def unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    scaled: NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(
        np.float32
    )
    return scaled


def world() -> tuple[list[Encounter], list[Glimpse], NDArray[np.float32]]:
    rng = np.random.default_rng(3)
    vectors = unit(rng.standard_normal((MET, 16)))
    picture = np.zeros((6, 32, 32, 3), np.uint8)
    met = [Encounter(f"vehicle-{n % DEVICES}/{n}", picture, 0, None, Light.DAY) for n in range(MET)]
    seen = [
        Glimpse(
            top1=int(rng.integers(8)),
            confidence=float(confidence),
            margin=float(margin),
            entropy=float(1 - margin),
            last_top1=0,
            flips=0,
            far_near=0.0,
            late=0,
            embedding=vectors[n],
        )
        for n, (confidence, margin) in enumerate(rng.uniform(0, 1, (MET, 2)))
    ]
    return met, seen, unit(rng.standard_normal((40, 16)))


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_spends_the_budget_within_the_shortlists(name: str) -> None:
    met, seen, known = world()
    chosen = mine(STRATEGIES[name], met, seen, known, budget=BUDGET, seed=5)
    names = [one.encounter_id for one in chosen]
    assert len(set(names)) == len(names) == BUDGET
    by_device = Counter(one.split("/")[0] for one in names)
    assert max(by_device.values()) <= -(-2 * BUDGET // DEVICES)
    again = mine(STRATEGIES[name], met, seen, known, budget=BUDGET, seed=5)
    assert [one.encounter_id for one in again] == names


def test_the_order_in_which_devices_meet_changes_nothing() -> None:
    met, seen, known = world()
    order = np.random.default_rng(1).permutation(MET)
    mixed, looked = [met[row] for row in order], [seen[row] for row in order]
    one = mine(STRATEGIES["ours"], met, seen, known, budget=BUDGET, seed=5)
    other = mine(STRATEGIES["ours"], mixed, looked, known, budget=BUDGET, seed=5)
    assert {each.encounter_id for each in one} == {each.encounter_id for each in other}


def test_a_site_keeps_its_sides_apart() -> None:
    tracks = tuple(Track(n % 16, f"{n % 16}/{n}", np.array([n])) for n in range(320))
    images = np.arange(320, dtype=np.uint16).view(np.uint8).reshape(320, 2)
    pictures = np.zeros((320, 32, 32, 3), np.uint8)
    pictures[:, 0, 0, :2] = images
    site = recorded(Recording(pictures, tuple(f"c{n}" for n in range(16)), tracks), seed=2)

    def marks(frames: NDArray[np.generic]) -> set[bytes]:
        return {frame[0, 0, :2].tobytes() for frame in frames}

    drive = marks(np.concatenate([one.frames for one in site.drive]))
    met = marks(np.concatenate([one.frames for one in site.met]))
    test = marks(site.test.frames)
    assert not drive & met
    assert not drive & test
    assert not met & test
    assert len(drive) + len(met) + len(test) == 320
    trained = Counter(one.label for one in site.drive)
    assert all(trained[label] <= 1 for label in site.hard)


def test_an_estimate_holds_its_mean_and_widens_with_spread() -> None:
    narrow, wide = (
        estimate(np.array([1.0, 1.1, 0.9, 1.0])),
        estimate(np.array([0.0, 2.0, 0.1, 1.9])),
    )
    assert narrow.low <= narrow.mean <= narrow.high
    assert wide.high - wide.low > narrow.high - narrow.low
