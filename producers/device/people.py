"""The devices of a scenario: their names, generations, regions and what their owners allow."""

from producers.device.identity import Who, fraction
from producers.scenario.scenario import Scenario
from schemas.catalogue import CATALOGUE


def people(scenario: Scenario, shard: int = 0, shards: int = 1) -> list[Who]:
    """The devices of a scenario, or every `shards`-th of them from the `shard`-th on."""
    names = [
        (f"{hardware.lower()}-{index:05d}", hardware)
        for hardware, count in scenario.devices.items()
        for index in range(count)
    ]
    return [_who(scenario, device_id, hardware) for device_id, hardware in names[shard::shards]]


def _who(scenario: Scenario, device_id: str, hardware: str) -> Who:
    def holds(what: str, share: float) -> bool:
        return fraction(scenario.seed, what, device_id) < share

    owners = scenario.owners
    return Who(
        device_id=device_id,
        device_class=CATALOGUE.hardware[hardware].device_class,
        hardware=hardware,
        region=_region(scenario, device_id),
        consent_pictures=holds("pictures", owners.consent_pictures),
        consent_location=holds("location", owners.consent_location),
        consent_compute=holds("compute", owners.consent_compute),
        medium=scenario.task.medium,
    )


def _region(scenario: Scenario, device_id: str) -> str:
    chance = fraction(scenario.seed, "region", device_id) * sum(scenario.regions.values())
    for region, weight in scenario.regions.items():
        chance -= weight
        if chance < 0:
            return region
    return next(reversed(scenario.regions))
