"""Why a device keeps an encounter: its own signs of doubt, the driver's hand, and chance."""

from collections.abc import Sequence
from dataclasses import dataclass

from producers.camera.camera import Encounter
from producers.device.encounters import Glimpse
from producers.device.slots import Model
from producers.scenario import Triggers
from schemas.records import Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A whole encounter, as one model saw it.

    Attributes:
        classes: Names of the model's classes.
        taken_over: The human or the system ended autonomy in it.
    """

    model: Model
    classes: Sequence[str]
    encounter: Encounter
    glimpse: Glimpse
    speed_mps: float
    taken_over: bool


def control_sample(rules: Triggers, chance: float) -> bool:
    """Whether an encounter is in the random sample, which no other reason may bias.

    Args:
        rules: The share.
        chance: Uniform in [0, 1).
    """
    return chance < rules.random_share


def trigger(rules: Triggers, glimpse: Glimpse, *, taken_over: bool) -> Trigger | None:
    """The strongest reason to keep an encounter, None: there is none.

    A takeover comes first. FLIP is a best class that changed often, or one that was sure far away
    and sure of another near by. Then doubt: confidence and margin of the worst frame.
    """
    if taken_over:
        return Trigger.DISENGAGEMENT
    if glimpse.flips >= rules.flips_at_least or glimpse.far_near >= rules.far_near_at_least:
        return Trigger.FLIP
    if glimpse.confidence < rules.confidence_below:
        return Trigger.LOW_CONFIDENCE
    if glimpse.margin < rules.margin_below:
        return Trigger.MARGIN
    return None
