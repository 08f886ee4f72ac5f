"""Why a device keeps an encounter: its own signs of doubt, the driver's hand, and chance."""

from collections.abc import Sequence
from dataclasses import dataclass

from producers.camera.camera import Encounter
from producers.device.encounters import Glimpse
from producers.device.slots import Model
from producers.scenario.equipment import Triggers
from schemas.records import Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A whole encounter, as one model saw it.

    Attributes:
        classes: Names of the model's classes.
        taken_over: The human or the system ended autonomy in it.
        shadow_differs: A release that runs in shadow gives its nearest frame another class.
        novelty: How far it is from what the model was trained on; above 1 it is new, 0: not known.
    """

    model: Model
    classes: Sequence[str]
    encounter: Encounter
    glimpse: Glimpse
    speed_mps: float
    taken_over: bool
    shadow_differs: bool = False
    novelty: float = 0.0


def control_sample(rules: Triggers, chance: float) -> bool:
    """Whether an encounter is in the random sample, which no other reason may bias.

    Args:
        rules: The share.
        chance: Uniform in [0, 1).
    """
    return chance < rules.random_share


def trigger(rules: Triggers, seen: Seen) -> Trigger | None:
    """The strongest reason to keep an encounter, None: there is none.

    A takeover comes first. FLIP is a best class that changed often, or one that was sure far away
    and sure of another near by. Then two models that name it differently, then doubt: confidence
    and margin of the worst frame. NOVELTY is left for what the model is sure of, and yet it is like
    nothing it was trained on.
    """
    glimpse = seen.glimpse
    flipped = glimpse.flips >= rules.flips_at_least or glimpse.far_near >= rules.far_near_at_least
    reasons = (
        (Trigger.DISENGAGEMENT, seen.taken_over),
        (Trigger.FLIP, flipped),
        (Trigger.SHADOW_DISAGREEMENT, seen.shadow_differs),
        (Trigger.LOW_CONFIDENCE, glimpse.confidence < rules.confidence_below),
        (Trigger.MARGIN, glimpse.margin < rules.margin_below),
        (Trigger.NOVELTY, seen.novelty > 1.0),
    )
    return next((why for why, holds in reasons if holds), None)
