"""What a policy asks of a release that runs beside the live model before it is opened."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class ShadowRule(BaseModel):
    """The shadow stage: devices of wave 0 run both models, the new one's outputs unused.

    Attributes:
        disagreement: Share of the encounters of a class or region to which the release may give
            another class than the live model. A retrain on the same data with another seed
            differs in 2.7 % to 3.5 % of all; the default is some three times that, since a
            class or region can be that much less certain than the whole.
        minimum_encounters: Encounters that a stratum must have compared.
        alpha: Chance of stopping a release that keeps to `disagreement` and to the latency
            ceiling.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    disagreement: Annotated[float, Field(gt=0.0, lt=0.5)] = 0.1
    minimum_encounters: Annotated[int, Field(ge=1)] = 2_000
    alpha: Annotated[float, Field(gt=0.0, lt=0.5)] = 0.01
