"""The gates by name, each made anew for every rollout."""

from collections.abc import Callable
from enum import StrEnum
from typing import Final

from streams.rollout.simulation.argo import Argo
from streams.rollout.simulation.aws import AwsJobs
from streams.rollout.simulation.flagger import Flagger
from streams.rollout.simulation.gate import Gate
from streams.rollout.simulation.hawkbit import HawkBit
from streams.rollout.simulation.kayenta import Kayenta
from streams.rollout.simulation.mender import Mender
from streams.rollout.simulation.ours import Ours
from streams.rollout.simulation.scenario import Scenario
from streams.rollout.simulation.staged import Rule, Staged


class Name(StrEnum):
    """Gates that can be compared."""

    OURS = "ours"
    HAWKBIT = "hawkbit"
    AWS = "aws"
    ARGO = "argo"
    FLAGGER = "flagger"
    KAYENTA = "kayenta"
    MENDER = "mender"


RULES: Final[dict[Name, Callable[[float], Rule]]] = {
    Name.HAWKBIT: lambda threshold: HawkBit(error_share=threshold),
    Name.AWS: lambda threshold: AwsJobs(threshold=threshold),
    Name.ARGO: lambda threshold: Argo(threshold=threshold),
    Name.FLAGGER: lambda threshold: Flagger(threshold=threshold),
    Name.KAYENTA: lambda threshold: Kayenta(allowed=threshold),
    Name.MENDER: lambda _: Mender(),
}
"""Each rule by the one number its user chooses: a share, or Kayenta's allowed increase."""


def staged(name: Name, scenario: Scenario, *, threshold: float, dwell_s: float) -> Gate:
    """Another tool's gate over the same waves."""
    return Staged(RULES[name](threshold), scenario.policy.waves, dwell_s)


def ours(scenario: Scenario) -> Gate:
    """Our gate."""
    return Ours(scenario.policy, tuple(scenario.fleet))
