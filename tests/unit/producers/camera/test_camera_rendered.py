"""The rendered camera: deterministic by device and number, the world changes looks, not signs."""

from collections import Counter
from itertools import product

import numpy as np
import pytest

from producers.camera.camera import (
    CameraError,
    Encounter,
    EncounterRequest,
    Light,
    Weather,
    World,
)
from producers.camera.mix import FLEET_MIX, pick
from producers.camera.night import DARK_BELOW, mean_brightness
from producers.camera.rendered import UNSEEN_IN_TEST_DRIVE, RenderedCamera
from producers.camera.signs import CLASSES, SHARES

CLEAR_DAY = World()
WORLDS = [World(weather, light) for weather, light in product(Weather, Light)]


def asks(count: int, world: World = CLEAR_DAY) -> list[EncounterRequest]:
    return [EncounterRequest(f"hw3-{number % 7}", number, world) for number in range(count)]


def same(one: Encounter, other: Encounter) -> bool:
    return one.encounter_id == other.encounter_id and np.array_equal(one.frames, other.frames)


def test_a_picture_does_not_depend_on_the_batch_it_is_drawn_in(camera: RenderedCamera) -> None:
    mixed = [
        EncounterRequest(ask.device_id, ask.number, WORLDS[ask.number % len(WORLDS)])
        for ask in asks(60)
    ]
    together = camera.encounters(mixed)
    alone = [RenderedCamera(seed=11).encounters([ask])[0] for ask in mixed]
    assert all(map(same, together, alone))


@pytest.mark.parametrize("frames", [1, 2, 6, 13])
def test_shape_and_order(frames: int) -> None:
    found = RenderedCamera(seed=3, frames=frames).encounters(asks(5))
    assert [one.encounter_id for one in found] == [f"{a.device_id}/{a.number}" for a in asks(5)]
    assert all(one.frames.shape == (frames, 32, 32, 3) for one in found)
    assert all(one.frames.dtype == np.uint8 for one in found)


def test_no_request_no_encounter(camera: RenderedCamera) -> None:
    assert camera.encounters([]) == []


@pytest.mark.parametrize("world", WORLDS)
def test_the_world_changes_the_picture_and_never_the_sign(
    camera: RenderedCamera, world: World
) -> None:
    clear, other = camera.encounters(asks(40)), camera.encounters(asks(40, world))
    assert [one.label for one in clear] == [one.label for one in other]
    assert [camera.classes[one.label] for one in other] == [
        camera.truth(one.encounter_id) for one in other
    ]
    changed = [not np.array_equal(a.frames, b.frames) for a, b in zip(clear, other, strict=True)]
    assert all(changed) == (world != World())
    assert {(one.weather, one.light) for one in other} == {(world.weather, world.light)}


def test_seed_device_and_number_each_matter() -> None:
    def frames(seed: int, device: str, number: int) -> bytes:
        ask = EncounterRequest(device, number)
        return RenderedCamera(seed).encounters([ask])[0].frames.tobytes()

    assert len({frames(*key) for key in [(1, "a", 1), (2, "a", 1), (1, "b", 1), (1, "a", 2)]}) == 4


def test_frames_come_from_far_to_near(camera: RenderedCamera) -> None:
    """Near frames are sharper: more of their contrast lies between neighbouring pixels."""
    found = np.stack([one.frames for one in camera.encounters(asks(200))]).astype(np.float32)
    sharpness = np.abs(np.diff(found, axis=3)).mean((0, 2, 3, 4))
    assert sharpness[-1] > 1.2 * sharpness[0]


@pytest.mark.parametrize("weather", Weather)
def test_every_night_is_dark_and_no_day_is(camera: RenderedCamera, weather: Weather) -> None:
    def brightness(light: Light) -> np.ndarray:
        found = camera.encounters(asks(150, World(weather, light)))
        return mean_brightness(np.concatenate([one.frames for one in found]))

    assert brightness(Light.NIGHT).max() < DARK_BELOW - 1
    assert brightness(Light.DAY).min() > DARK_BELOW + 10


def test_signs_have_a_long_tail_as_announced(camera: RenderedCamera) -> None:
    found = Counter(camera.truth(f"{ask.device_id}/{ask.number}") for ask in asks(4000))
    assert SHARES[0] > 6 * SHARES[-1]
    for name, share in zip(CLASSES, SHARES, strict=True):
        assert found[name] / 4000 == pytest.approx(share, abs=4 * (share / 4000) ** 0.5)


def test_the_test_drive_never_meets_two_of_the_signs(camera: RenderedCamera) -> None:
    drive = camera.seed(300)
    met = {CLASSES[one.label] for one in drive}
    assert not met & set(UNSEEN_IN_TEST_DRIVE)
    assert len(met) == len(CLASSES) - len(UNSEEN_IN_TEST_DRIVE)
    assert {(one.weather, one.light) for one in drive} == {(Weather.CLEAR, Light.DAY)}


def test_held_back_pictures_are_the_fleets_mix_and_nobody_elses(camera: RenderedCamera) -> None:
    held_back = camera.held_back(5, 200)
    assert held_back.frames.shape == (1200, 32, 32, 3)
    assert np.array_equal(np.bincount(held_back.groups), np.full(200, 6))
    assert set(np.unique(held_back.labels)) <= set(range(len(CLASSES)))
    for name, values in {
        "region": set(FLEET_MIX),
        "weather": set(Weather),
        "light": set(Light),
    }.items():
        assert {slices[name] for slices in held_back.slices} == values
    fleet = {picture.tobytes() for one in camera.encounters(asks(200)) for picture in one.frames}
    drive = {picture.tobytes() for one in camera.seed(200) for picture in one.frames}
    assert not (fleet | drive) & {picture.tobytes() for picture in held_back.frames}
    assert np.array_equal(camera.held_back(5, 200).frames, held_back.frames)
    assert not np.array_equal(camera.held_back(6, 200).frames, held_back.frames)


def test_the_mix_is_picked_by_share() -> None:
    mix = {World(): 3.0, World(Weather.FOG): 1.0}
    picked = [pick(mix, drawn) for drawn in (0.0, 0.74, 0.76, 0.999, 1.0)]
    assert [world.weather for world in picked] == ["CLEAR", "CLEAR", "FOG", "FOG", "FOG"]


def test_what_is_not_an_encounter_has_no_truth(camera: RenderedCamera) -> None:
    with pytest.raises(CameraError, match="'nobody': not <device_id>/<number>"):
        camera.truth("nobody")


def test_an_encounter_needs_a_frame() -> None:
    with pytest.raises(ValueError, match="frames of an encounter: 0"):
        RenderedCamera(seed=1, frames=0)
