"""A scenario as a whole."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from producers.scenario.equipment import Households, Owners, Reporting, Triggers, Updates
from producers.scenario.values import Part, ScenarioError
from producers.scenario.world import RENDERED, Drift, Drive, LightPlan, Microphone, WeatherMix
from schemas.catalogue import CATALOGUE
from schemas.records import DeviceClass
from schemas.tasks import ROAD_SIGNS, SPOKEN_DIGITS, Task


class Pace(Part):
    """When the process itself is too slow: beyond `lag_s` it shifts the schedule and says so."""

    lag_s: Annotated[float, Field(gt=0.0, le=60.0)] = 1.0


class Scenario(Part):
    """One scenario.

    Attributes:
        devices: Number of devices by hardware generation of the catalogue.
        regions: Weight of each region of the catalogue; weather: the mix of each, which devices
            that only hear do not need.
        camera: `rendered`, or the path of a file of recorded pictures.
        microphone: Given: the devices hear, and have no camera.
    """

    name: str = Field(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9-]*$")
    seed: Annotated[int, Field(ge=0)]
    devices: dict[str, Annotated[int, Field(ge=1, le=100_000)]] = Field(min_length=1)
    regions: dict[str, Annotated[float, Field(gt=0.0)]] = Field(min_length=1)
    weather: dict[str, WeatherMix] = Field(default_factory=dict)
    drift: tuple[Drift, ...] = Field(default=(), max_length=32)
    light: LightPlan = LightPlan()
    camera: Literal["rendered"] | Path = RENDERED
    microphone: Microphone | None = None
    drive: Drive = Drive()
    reporting: Reporting = Reporting()
    triggers: Triggers = Triggers()
    updates: Updates = Updates()
    owners: Owners = Owners()
    households: Households = Households()
    pace: Pace = Pace()

    @model_validator(mode="after")
    def _catalogued(self) -> Self:
        for hardware in self.devices:
            if hardware not in CATALOGUE.hardware:
                raise ValueError(
                    f"devices.{hardware}: unknown hardware generation; the catalogue has "
                    f"{', '.join(sorted(CATALOGUE.hardware))}"
                )
        for region in (*self.regions, *self.weather, *(drift.region for drift in self.drift)):
            if region not in CATALOGUE.regions:
                raise ValueError(
                    f"region {region}: not in the catalogue, which has "
                    f"{', '.join(sorted(CATALOGUE.regions))}"
                )
        missing = [region for region in self.regions if not self.weather.get(region)]
        if missing and self.microphone is None:
            raise ValueError(f"weather: no mix for region {', '.join(missing)}; give one")
        return self

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        classes = {CATALOGUE.hardware[name].device_class for name in self.devices}
        if len(classes) > 1:
            raise ValueError(
                f"devices: of {' and '.join(sorted(classes))}, which run different models; give "
                "each class a scenario of its own"
            )
        if self.microphone is not None and "camera" in self.model_fields_set:
            raise ValueError("camera and microphone: give the devices one of them")
        return self

    @property
    def device_class(self) -> DeviceClass:
        """Of all its devices."""
        return CATALOGUE.hardware[next(iter(self.devices))].device_class

    @property
    def task(self) -> Task:
        """What its devices recognise."""
        return ROAD_SIGNS if self.microphone is None else SPOKEN_DIGITS

    @property
    def frame_period_us(self) -> int:
        """Time between two frames of a device, microseconds."""
        return max(1, round(1_000_000 / self.drive.frames_per_second))

    def with_devices(self, total: int) -> "Scenario":
        """The same scenario with `total` devices in the same proportions.

        Raises:
            ScenarioError: `total` is less than one device for each generation.
        """
        if total < len(self.devices):
            raise ScenarioError(
                f"devices={total}: at least one for each of {', '.join(self.devices)}"
            )
        return self.model_copy(update={"devices": _share_out(total, self.devices)})


def _share_out(total: int, weights: Mapping[str, int]) -> dict[str, int]:
    spare = total - len(weights)
    whole = sum(weights.values())
    shares = {name: 1 + spare * weight // whole for name, weight in weights.items()}
    largest = max(weights, key=weights.__getitem__)
    shares[largest] += total - sum(shares.values())
    return shares
