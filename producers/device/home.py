"""Where a device stands: what holds there, and who speaks for it."""

from collections.abc import Callable
from dataclasses import dataclass

from producers.device.client.ota import OtaClient
from producers.device.conditions import conditions, temperature_c
from producers.device.owner import Owner
from producers.device.readiness import Household
from producers.scenario.scenario import Scenario
from schemas.records import DeviceConditions


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """The surroundings of one device's update client; times are UTC microseconds.

    Attributes:
        household: What the device bears and its owner wishes.
        conditions: What holds at a time.
        temperature_c: Degrees Celsius of its computer at a time; None: not measured.
        speak: Has the owner answer what is offered.
    """

    household: Household
    conditions: Callable[[int], DeviceConditions]
    temperature_c: Callable[[int], float | None]
    speak: Callable[[OtaClient, int], None]


def simulated(scenario: Scenario, device_id: str) -> Home:
    """That of a simulated device, the same in every run of a scenario."""
    seed, owner = scenario.seed, Owner(scenario.households, scenario.seed, device_id)
    return Home(
        household=owner.household,
        conditions=lambda at: conditions(scenario.owners, seed, device_id, at),
        temperature_c=lambda at: temperature_c(scenario.households, seed, device_id, at),
        speak=owner.speak,
    )
