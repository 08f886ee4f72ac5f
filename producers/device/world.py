"""What surrounds the devices: weather by region, its slow change, and light told by the log."""

from typing import Final

from producers.camera.camera import Light, Weather, World
from producers.device.identity import fraction
from producers.scenario.scenario import Scenario
from producers.scenario.world import After, Drift
from schemas.facts import Fact
from schemas.records import ModelRelease, ReleaseKind

SECOND_US: Final = 1_000_000
_INDOORS: Final = [(Weather.CLEAR, 1.0)]


class Surroundings:
    """The world of a scenario. All processes that read the same log see the same light.

    Args:
        start_us: Beginning of the scenario, UTC microseconds: what `at_s` and `from_s` count from.
    """

    def __init__(self, scenario: Scenario, start_us: int) -> None:
        self._scenario, self._start_us = scenario, start_us
        self._proposed: list[str] = []
        self._moments: list[int | None] = [
            None if change.at_s is None else start_us + round(change.at_s * SECOND_US)
            for change in scenario.light.changes
        ]
        self._mixes = {
            region: [(weather, weight / sum(mix.values())) for weather, weight in mix.items()]
            for region, mix in scenario.weather.items()
        }

    def observe(self, fact: Fact) -> None:
        """Note a valid decision: a light may change some seconds after it."""
        record: ModelRelease = fact.record
        if record.kind is ReleaseKind.PROPOSED and record.release_id not in self._proposed:
            self._proposed.append(record.release_id)
        for index, change in enumerate(self._scenario.light.changes):
            if change.after and self._moments[index] is None and self._is(change.after, record):
                self._moments[index] = fact.stamp_us + round(change.after.seconds * SECOND_US)

    def light(self, now_us: int) -> Light:
        """Light now: that of the latest change whose moment has come."""
        latest, light = -1, self._scenario.light.initial
        for change, moment in zip(self._scenario.light.changes, self._moments, strict=True):
            if moment is not None and latest <= moment <= now_us:
                latest, light = moment, change.light
        return light

    def world(self, device_id: str, region: str, number: int, now_us: int) -> World:
        """The world of a device's `number`-th encounter."""
        seed = self._scenario.seed
        mix = self._mixes.get(region, _INDOORS)
        for index, drift in enumerate(self._scenario.drift):
            chance = fraction(seed, "drift", index, device_id, number)
            if drift.region == region and chance < self._progress(drift, now_us):
                whole = sum(drift.weather.values())
                mix = [(name, weight / whole) for name, weight in drift.weather.items()]
        weather = _pick(mix, fraction(seed, "weather", device_id, number))
        return World(weather, self.light(now_us))

    def _progress(self, drift: Drift, now_us: int) -> float:
        elapsed = (now_us - self._start_us) / SECOND_US - drift.from_s
        return min(1.0, max(0.0, elapsed / drift.over_s))

    def _is(self, after: After, record: ModelRelease) -> bool:
        release = after.release
        if isinstance(release, int):
            if release > len(self._proposed):
                return False
            release = self._proposed[release - 1]
        return (
            record.release_id == release
            and record.kind is after.kind
            and after.wave in (None, record.wave)
        )


def _pick(mix: list[tuple[Weather, float]], chance: float) -> Weather:
    for weather, share in mix:
        chance -= share
        if chance < 0:
            return weather
    return mix[-1][0]
