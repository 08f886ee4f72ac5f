"""How soon a shadow is seen to differ: chances for one class or region of a stratum."""

from typing import Final

from schemas.catalogue import CATALOGUE
from streams.rollout.policy import Policy
from streams.rollout.power import MAX_DEVICES, Chance, power
from streams.rollout.shadow_rule import ShadowRule

CLASSES: Final = 16
"""Classes the live model is taken to tell apart; twice as many want one encounter more or two."""


def shadow_power(policy: Policy, rule: ShadowRule, *, strata: int) -> tuple[Chance, ...]:
    """Chances by share of encounters that differ, within `minimum_encounters` of the slice.

    The devices of a `Chance` are encounters here: the test is the same.
    """
    judged = policy.model_copy(update={"ceiling": rule.disagreement, "alpha_harm": rule.alpha})
    tests = CLASSES + len(CATALOGUE.regions) + 1
    encounters = min(rule.minimum_encounters, MAX_DEVICES)
    return power(judged, devices=encounters, strata=strata, tests=tests).chances
