"""The story of learning without a log: labels chosen by a release make the next one better."""

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from producers.camera.camera import Camera, Encounter, EncounterRequest, World
from producers.camera.draws import key, uniforms
from producers.camera.mix import FLEET_MIX, pick
from producers.camera.recorded import RecordedCamera
from producers.camera.rendered import RenderedCamera
from producers.evaluation import compare, evaluate
from producers.model.runtime import Model
from producers.model.training import fit
from streams.dataset.selection import choose

FRAMES = 6


def trained(encounters: list[Encounter], classes: tuple[str, ...]) -> bytes:
    pictures = np.concatenate([one.frames for one in encounters])
    labels = np.array([one.label for one in encounters], np.int64).repeat(FRAMES)
    return fit(pictures, labels, np.ones(len(labels), np.float32), classes, "d", seed=1)


def seen_by_fleet(camera: Camera, seed: int, count: int) -> list[Encounter]:
    """Encounters by day over the fleet's weather; a track that is met again is left out."""
    drawn = uniforms(np.array([key(seed, "pool")], np.uint64), count)[0]
    mixes = list(FLEET_MIX.values())
    asks = [
        EncounterRequest(f"v{n % 50}", n, World(pick(mixes[n % len(mixes)], drawn[n]).weather))
        for n in range(count)
    ]
    found = {one.frames.tobytes(): one for one in camera.encounters(asks)}
    return list(found.values())


def chosen(model: bytes, pool: list[Encounter], budget: int) -> NDArray[np.int64]:
    """As assembly chooses: smallest margin and normalised mean embedding of each encounter."""
    answers = Model(model).run(np.concatenate([one.frames for one in pool]))
    ranked = np.sort(answers.prob, axis=1)
    margins = (ranked[:, -1] - ranked[:, -2]).reshape(-1, FRAMES).min(1).astype(np.float64)
    means = answers.emb.reshape(-1, FRAMES, answers.emb.shape[1]).mean(1)
    return choose(means / np.linalg.norm(means, axis=1, keepdims=True), margins, budget, seed=1)


def next_release(
    camera: Camera, drive: list[Encounter], first: bytes, seed: int, pool: int, budget: int
) -> bytes:
    met = seen_by_fleet(camera, seed, pool)
    labelled = [met[int(index)] for index in chosen(first, met, budget)]
    return trained([*drive, *labelled], camera.classes)


@pytest.mark.parametrize("seed", range(5))
def test_fifty_labels_make_the_next_release_better(seed: int) -> None:
    camera = RenderedCamera(seed)
    drive = camera.seed(360)
    first = trained(drive, camera.classes)
    held_back = camera.held_back(99, 400)
    before = evaluate(first, held_back)
    assert 0.74 < before.mean < 0.88
    assert before.per_slice["weather/CLEAR"] > before.per_slice["weather/SNOW"]
    second = next_release(camera, drive, first, seed, 900, 50)
    gain = compare(second, first, held_back)
    assert gain.low > 0
    assert gain.mean > 0.025


def test_a_hundred_labels_do_it_on_real_pictures() -> None:
    shared = Path(os.environ.get("FLEETLOOP_SHARED", Path(__file__).parents[4] / "shared"))
    folder = shared / "data" / "gtsrb_tracks"
    if not folder.exists():
        pytest.skip(f"needs the recorded traffic signs in {folder} (FLEETLOOP_SHARED)")
    camera = RecordedCamera(folder, seed=3)
    drive = camera.seed(360)
    first = trained(drive, camera.classes)
    second = next_release(camera, drive, first, 3, 1500, 100)
    gain = compare(second, first, camera.held_back(99, 400))
    assert gain.low > 0.03
