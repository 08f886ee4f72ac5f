"""What values of scenario files have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Seconds = Annotated[float, Field(ge=0.0, le=86_400.0)]
Celsius = Annotated[float, Field(ge=-273.15, le=1000.0)]
HoursOfDay = Annotated[
    str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$")
]
"""Such as 22:00-06:00."""


class ScenarioError(ValueError):
    """A scenario file is not usable; the message names the file, each key, value and rule."""


class Part(BaseModel):
    """A section of a scenario file: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)
