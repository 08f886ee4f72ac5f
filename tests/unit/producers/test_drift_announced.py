"""A change of weather or light is announced in time, and no change is not: real models' answers."""

import os
from pathlib import Path

import numpy as np
import pytest

from infra.learning.site import recorded
from producers.camera.recording import read_recording
from producers.camera.rendered import RenderedCamera
from producers.model.apart import fit_apart
from streams.drift import scores
from tests.drift_runs import FRAMES, Pool, announced, recorded_worlds, rendered_worlds, until

SHARED = Path(os.environ.get("FLEETLOOP_SHARED", "../shared")) / "data" / "gtsrb_tracks"
HELD_BACK = 400
SMALL_WITHIN = 20
SNOW_WITHIN = 40
"""Looks of 25 encounters; the small model of the tests is unsure everywhere, others are sooner."""


@pytest.fixture(scope="module")
def worlds(small_model: bytes, camera: RenderedCamera) -> dict[str, Pool]:
    pictures = rendered_worlds(camera, 200, ("fleet mix", "snow"))
    return {name: Pool.of(small_model, shown) for name, shown in pictures.items()}


@pytest.mark.parametrize("seed", range(6))
def test_an_unchanged_world_is_not_announced(worlds: dict[str, Pool], seed: int) -> None:
    usual = worlds["fleet mix"]
    _, said = announced(np.random.default_rng(seed), usual, HELD_BACK, 150)
    assert not said


@pytest.mark.parametrize("seed", range(6))
def test_a_change_to_snow_is_announced_in_time(worlds: dict[str, Pool], seed: int) -> None:
    rng = np.random.default_rng(seed)
    place, said = announced(rng, worlds["fleet mix"], HELD_BACK, 100)
    assert not said
    looks = until(rng, place, worlds["snow"], SNOW_WITHIN)
    assert looks is not None
    assert place.shift is not None
    assert scores.spell(place.shift.score).startswith(("answers less sure", "changes of mind"))


@pytest.mark.skipif(not SHARED.exists(), reason=f"needs the recorded traffic signs in {SHARED}")
def test_dark_and_small_pictures_of_real_tracks_are_seen_and_others_are_not() -> None:
    site = recorded(read_recording(SHARED), 1)
    pictures = np.concatenate([one.frames for one in site.drive])
    labels = np.repeat([one.label for one in site.drive], FRAMES).astype(np.int64)
    weights = np.ones(len(labels), np.float32)
    model = fit_apart(pictures, labels, weights, site.classes, "drift", 1)
    met = np.concatenate([one.frames for one in site.met[:300]])
    pools = {name: Pool.of(model, shown) for name, shown in recorded_worlds(met).items()}
    found = {}
    for name, pool in pools.items():
        rng = np.random.default_rng(1)
        place, said = announced(rng, pools["as recorded"], HELD_BACK, 50)
        assert not said
        found[name] = until(rng, place, pool, 50)
    assert found["as recorded"] is found["dark without noise"] is None
    assert found["dark"] is not None
    assert found["dark"] <= 10
    assert found["small"] is not None
    assert found["small"] <= SMALL_WITHIN
