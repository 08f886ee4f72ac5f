"""The world a device drives in: light by the log or the clock, and weather."""

from typing import Any

import pytest

from producers.camera.camera import Light, Weather
from producers.device.world import Surroundings
from schemas.facts import Fact
from schemas.records import ReleaseKind as K
from schemas.topics import MODEL_RELEASES
from tests.rollout_log import Log
from tests.unit.producers.device import kit
from tests.unit.producers.device.kit import NOW, SECOND


def facts(log: Log) -> list[Fact]:
    return [
        Fact(topic=MODEL_RELEASES.name, partition=0, offset=at, stamp_us=stamp, record=record)
        for at, (record, stamp) in enumerate(log.records)
    ]


def night_after(**after: Any) -> Surroundings:
    change = {"light": "NIGHT", "after": {"kind": "WAVE_OPENED", **after}}
    return Surroundings(kit.scenario(light={"initial": "DAY", "changes": [change]}), NOW)


@pytest.mark.parametrize("release", [2, "r2"])
def test_night_falls_some_seconds_after_a_decision_on_the_log(release: int | str) -> None:
    log = Log()
    log.completed("r1")
    log.opened("r2", 0.1, 0.5, counter=2, parent_release_id="r1")
    world = night_after(release=release, wave=1, seconds=6)
    for fact in facts(log):
        world.observe(fact)
    opened = log.now
    assert world.light(opened + 6 * SECOND - 1) is Light.DAY
    assert world.light(opened + 6 * SECOND) is Light.NIGHT


def test_other_waves_and_releases_change_no_light() -> None:
    log = Log()
    log.completed("r1")
    log.opened("r2", 0.1, counter=2, parent_release_id="r1")
    worlds = [
        night_after(release=2, wave=1),
        night_after(release=3),
        night_after(release="r9"),
        night_after(release=1, kind=K.HELD),
    ]
    for world in worlds:
        for fact in facts(log):
            world.observe(fact)
        assert world.light(log.now + 1000 * SECOND) is Light.DAY


def test_the_first_such_decision_counts_however_often_it_is_read() -> None:
    log = Log()
    log.opened("r1", 0.1)
    world = night_after(release=1)
    for fact in [*facts(log), *facts(log)]:
        world.observe(fact)
    log.must("r1", K.WAVE_OPENED, wave=1, share=0.5)
    world.observe(facts(log)[-1])
    assert world.light(log.now - SECOND) is Light.NIGHT


def test_light_changes_at_set_times_and_the_latest_holds() -> None:
    changes = [{"light": "DAY", "at_s": 20}, {"light": "NIGHT", "at_s": 10}]
    world = Surroundings(kit.scenario(light={"initial": "DAY", "changes": changes}), NOW)
    lights = [world.light(NOW + second * SECOND) for second in (0, 9, 10, 19, 20, 100)]
    assert [one.value for one in lights] == ["DAY", "DAY", "NIGHT", "NIGHT", "DAY", "DAY"]


def share_of_snow(world: Surroundings, second: float) -> float:
    now = NOW + round(second * SECOND)
    found = [world.world("d", "city", number, now).weather for number in range(1000)]
    return found.count(Weather.SNOW) / len(found)


def test_weather_follows_the_regions_mix_and_changes_slowly() -> None:
    drift = {"region": "city", "from_s": 100, "over_s": 100, "weather": {"SNOW": 1}}
    world = Surroundings(
        kit.scenario(weather={"city": {"CLEAR": 3, "SNOW": 1}}, drift=[drift]), NOW
    )
    assert share_of_snow(world, 0) == pytest.approx(0.25, abs=0.05)
    assert share_of_snow(world, 150) == pytest.approx(0.625, abs=0.05)
    assert share_of_snow(world, 200) == 1.0
