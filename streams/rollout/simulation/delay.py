"""How long something takes in a fleet: a median and a shape."""

from enum import StrEnum
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

Floats = npt.NDArray[np.float64]


class Shape(StrEnum):
    """Distribution of a delay around its median."""

    CONSTANT = "constant"
    LOGNORMAL = "lognormal"
    PARETO = "pareto"


class Delay(BaseModel):
    """A delay of each device.

    Attributes:
        median_s: Half of the devices take no longer.
        shape: lognormal by default.
        spread: Standard deviation of the logarithm (lognormal), or 1 / tail index (pareto).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    median_s: Annotated[float, Field(ge=0.0)]
    shape: Shape = Shape.LOGNORMAL
    spread: Annotated[float, Field(gt=0.0, le=3.0)] = 0.5

    def draw(self, rng: np.random.Generator, devices: int) -> Floats:
        """Seconds for each device."""
        match self.shape:
            case Shape.CONSTANT:
                return np.full(devices, self.median_s)
            case Shape.LOGNORMAL:
                return self.median_s * np.exp(self.spread * rng.standard_normal(devices))
            case Shape.PARETO:
                # Lomax whose median is median_s: (2^spread - 1) in units of its scale.
                scale = self.median_s / (2.0**self.spread - 1.0)
                drawn: Floats = scale * rng.pareto(1.0 / self.spread, devices)
                return drawn
