"""The world of a scenario: its light and weather, how devices drive in it, see or hear it."""

from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from producers.camera.camera import Light, Weather
from producers.scenario.values import Part, Seconds, Share
from schemas.records import ReleaseKind

WeatherMix = dict[Weather, Annotated[float, Field(gt=0.0)]]

RENDERED: Final = "rendered"
SYNTHESISED: Final = "synthesised"
ENERGY: Final = "energy"


class After(Part):
    """A moment told by the log: `seconds` after the first such decision of that release.

    Attributes:
        release: 1 for the first release proposed on the log, 2 for the second, or a release id.
        kind: Kind of the decision. wave: its wave; None: any.
    """

    release: Annotated[int, Field(ge=1)] | str
    kind: ReleaseKind
    wave: Annotated[int, Field(ge=0)] | None = None
    seconds: Seconds = 0.0


class LightChange(Part):
    """The light becomes `light`: `at_s` seconds after the start, or after a decision."""

    light: Light
    at_s: Seconds | None = None
    after: After | None = None

    @model_validator(mode="after")
    def _one_moment(self) -> Self:
        if (self.at_s is None) == (self.after is None):
            raise ValueError("a change of light needs exactly one of at_s and after")
        return self


class LightPlan(Part):
    """Light over time; of the changes whose moment has come the latest holds."""

    initial: Light = Light.DAY
    changes: tuple[LightChange, ...] = Field(default=(), max_length=32)


class Drift(Part):
    """The world changes slowly: from `from_s` on a region's weather goes over to another mix."""

    region: str
    from_s: Seconds
    over_s: Annotated[float, Field(gt=0.0)]
    weather: WeatherMix = Field(min_length=1)


class Drive(Part):
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


class Microphone(Part):
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
