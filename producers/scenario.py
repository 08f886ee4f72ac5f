"""What the simulation plays: one YAML file per scenario, checked before anything moves."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from producers.camera.camera import Light, Weather
from schemas.catalogue import CATALOGUE
from schemas.records import DeviceClass, ReleaseKind
from schemas.tasks import ROAD_SIGNS, SPOKEN_DIGITS, Task

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Seconds = Annotated[float, Field(ge=0.0, le=86_400.0)]
Celsius = Annotated[float, Field(ge=-273.15, le=1000.0)]
HoursOfDay = Annotated[
    str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$")
]
"""Such as 22:00-06:00."""
WeatherMix = dict[Weather, Annotated[float, Field(gt=0.0)]]

RENDERED: Final = "rendered"
SYNTHESISED: Final = "synthesised"
ENERGY: Final = "energy"


class ScenarioError(ValueError):
    """A scenario file is not usable; the message names the file, each key, value and rule."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class After(_Part):
    """A moment told by the log: `seconds` after the first such decision of that release.

    Attributes:
        release: 1 for the first release proposed on the log, 2 for the second, or a release id.
        kind: Kind of the decision. wave: its wave; None: any.
    """

    release: Annotated[int, Field(ge=1)] | str
    kind: ReleaseKind
    wave: Annotated[int, Field(ge=0)] | None = None
    seconds: Seconds = 0.0


class LightChange(_Part):
    """The light becomes `light`: `at_s` seconds after the start, or after a decision."""

    light: Light
    at_s: Seconds | None = None
    after: After | None = None

    @model_validator(mode="after")
    def _one_moment(self) -> Self:
        if (self.at_s is None) == (self.after is None):
            raise ValueError("a change of light needs exactly one of at_s and after")
        return self


class LightPlan(_Part):
    """Light over time; of the changes whose moment has come the latest holds."""

    initial: Light = Light.DAY
    changes: tuple[LightChange, ...] = Field(default=(), max_length=32)


class Drift(_Part):
    """The world changes slowly: from `from_s` on a region's weather goes over to another mix."""

    region: str
    from_s: Seconds
    over_s: Annotated[float, Field(gt=0.0)]
    weather: WeatherMix = Field(min_length=1)


class Drive(_Part):
    """How devices drive and look. Speeds are metres a second."""

    frames_per_second: Annotated[float, Field(gt=0.0, le=60.0)] = 2.0
    frames_per_encounter: Annotated[int, Field(ge=1, le=64)] = 6
    speed_mps: Annotated[float, Field(gt=0.0, le=100.0)] = 14.0
    roads: tuple[str, ...] = Field(default=("URBAN", "RURAL", "MOTORWAY"), max_length=16)
    """Kinds of road; none: devices that are on no road."""
    takeover_share: Share = 0.0005
    """Chance of an encounter that the driver takes over for no reason of the model's."""
    takeover_when_wrong: Share = 0.02
    takeover_when_unsure: Share = 0.01
    takeover_when_late: Share = 0.05


class Microphone(_Part):
    """What devices hear instead of seeing; paths are relative to the scenario's file.

    Attributes:
        speech: `synthesised` digits, or the folder of recorded ones (docs/robots.md).
        voice_activity: What tells speech from silence: its `energy`, or the path of Silero's ONNX
            file for 16 kHz.
    """

    speech: Literal["synthesised"] | Path = SYNTHESISED
    voice_activity: Literal["energy"] | Path = ENERGY

    def beside(self, folder: Path) -> "Microphone":
        """The same with paths that hold from anywhere."""
        paths = {
            name: folder / value
            for name, value in (("speech", self.speech), ("voice_activity", self.voice_activity))
            if isinstance(value, Path)
        }
        return self.model_copy(update=paths)


class Reporting(_Part):
    """Reporting windows of inference-events."""

    window_s: Annotated[float, Field(gt=0.0, le=600.0)] = 10.0
    warmup_frames: Annotated[int, Field(ge=0, le=1000)] = 1
    exemplars: Annotated[int, Field(ge=0, le=8)] = 2


class Triggers(_Part):
    """Which encounters are kept as edge cases, and how many of them, and bytes, a device may send.

    Attributes:
        far_near_at_least: Both the farthest and the nearest frame are at least so sure, of
            different classes.
        shortlist: Of the encounters of a window that only confidence or margin speak for, so many
            of the smallest margin are sent, at its end.
        shortlist_novel: Of those that nothing but novelty speaks for, so many of the newest.
        shortlist_s: Length of that window, seconds.
    """

    confidence_below: Share = 0.5
    margin_below: Share = 0.2
    flips_at_least: Annotated[int, Field(ge=1)] = 2
    far_near_at_least: Share = 0.6
    random_share: Share = 0.02
    shortlist: Annotated[int, Field(ge=1, le=1000)] = 4
    shortlist_novel: Annotated[int, Field(ge=1, le=1000)] = 1
    shortlist_s: Seconds = 3600.0
    burst: Annotated[float, Field(ge=1.0, le=1000.0)] = 4.0
    per_hour: Annotated[float, Field(ge=0.0)] = 60.0
    burst_bytes: Annotated[float, Field(ge=1.0)] = 131_072.0
    bytes_per_hour: Annotated[float, Field(ge=0.0)] = 2_097_152.0


class Updates(_Part):
    """How an update runs on a device. Durations are seconds and vary by `jitter` around them."""

    accept_s: Seconds = 0.0
    download_s: Seconds = 1.0
    install_s: Seconds = 0.3
    boot_s: Seconds = 0.2
    health_s: Annotated[float, Field(gt=0.0, le=3600.0)] = 2.0
    health_frames: Annotated[int, Field(ge=1)] = 3
    """Judged frames the health window needs, however long that takes."""
    max_late_share: Share = 0.5
    max_missing_share: Share = 0.5
    attempts: Annotated[int, Field(ge=1, le=10)] = 3
    retry_s: Seconds = 5.0
    defer_s: Seconds = 2.0
    jitter: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.2

    @property
    def longest_s(self) -> float:
        """No step waits longer for the next one."""
        steps = (self.accept_s, self.download_s, self.install_s, self.boot_s, self.defer_s)
        return max(steps) * (1 + self.jitter)


class Owners(_Part):
    """What the people around the devices allow and do; shares of the fleet.

    Attributes:
        charge_low: Lowest battery charge of a device; its charge lies between this and 1.
        parked: Share of the time a device stands still.
        away: Share of devices that vanish (ignition off, no network) for `away_for_s` in every
            `away_every_s`.
    """

    consent_pictures: Share = 0.95
    consent_location: Share = 0.8
    consent_compute: Share = 0.5
    charge_low: Share = 0.4
    parked: Share = 1.0
    away: Share = 0.0
    away_every_s: Annotated[float, Field(gt=0.0)] = 60.0
    away_for_s: Seconds = 20.0


class Households(_Part):
    """What devices bear and their owners wish before an update begins, whatever the release.

    Attributes:
        coldest_c, hottest_c: Degrees Celsius between which an update may begin.
        temperature_c: Lowest and highest temperature of a device's computer; None: not measured.
        quiet_hours: Parts of every day, local time, in which nothing begins.
        utc_offset_min: Local time, minutes east of UTC.
        asks: Share of owners who are asked before each update.
        answer_s: How long such an owner takes to answer.
        later: Share of their answers that are "later" and no yes, as long as it may be said.
        later_s: How long a "later" puts the update off.
    """

    coldest_c: Celsius = -20.0
    hottest_c: Celsius = 60.0
    temperature_c: tuple[Celsius, Celsius] | None = None
    quiet_hours: tuple[HoursOfDay, ...] = Field(default=(), max_length=8)
    utc_offset_min: Annotated[int, Field(ge=-720, le=840)] = 0
    asks: Share = 0.0
    answer_s: Seconds = 10.0
    later: Share = 0.0
    later_s: Seconds = 60.0

    @model_validator(mode="after")
    def _cold_is_below_hot(self) -> Self:
        low, high = self.temperature_c or (0.0, 0.0)
        if self.coldest_c > self.hottest_c or low > high:
            raise ValueError("temperatures: the lower one comes first")
        return self


class Pace(_Part):
    """When the process itself is too slow: beyond `lag_s` it shifts the schedule and says so."""

    lag_s: Annotated[float, Field(gt=0.0, le=60.0)] = 1.0


class Scenario(_Part):
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
    weather: dict[str, WeatherMix] = {}
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


def parse(text: str, where: str) -> Scenario:
    """Read a scenario from YAML text; `where` names it in errors.

    Raises:
        ScenarioError: Not YAML, an unknown key, or a value that breaks a rule.
    """
    try:
        content: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ScenarioError(f"{where}: not YAML: {error}") from error
    if not isinstance(content, dict):
        raise ScenarioError(f"{where}: a mapping of settings is needed, not {content!r}")
    try:
        return Scenario.model_validate(content)
    except ValidationError as error:
        lines = [_line(dict(detail)) for detail in error.errors(include_url=False)]
        raise ScenarioError(f"{where}: " + "; ".join(lines)) from error


def load(path: Path) -> Scenario:
    """Read a scenario file; paths in it are relative to the file.

    Raises:
        ScenarioError: The file cannot be read or is not a scenario.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"scenario {path}: {error}; name a readable YAML file") from error
    scenario = parse(text, f"scenario {path}")
    if isinstance(scenario.camera, Path) and not scenario.camera.is_absolute():
        return scenario.model_copy(update={"camera": path.parent / scenario.camera})
    if scenario.microphone is not None:
        beside = scenario.microphone.beside(path.parent)
        return scenario.model_copy(update={"microphone": beside})
    return scenario


def _line(detail: Mapping[str, Any]) -> str:
    name = ".".join(str(part) for part in detail["loc"])
    message = str(detail["msg"]).removeprefix("Value error, ")
    if not name:
        return message
    if detail["type"] == "extra_forbidden":
        return f"{name}: unknown key; remove it or correct its name"
    if detail["type"] == "missing":
        return f"{name}: missing; give it"
    return f"{name} = {detail['input']!r}: {message}"
