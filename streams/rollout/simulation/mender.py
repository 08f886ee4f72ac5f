"""Mender's phased rollout: phases open on the clock.

Source: mender-docs, "Deployment / Phased rollout"; mender-server deployments/app: no rule looks
at the results of a phase.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from streams.rollout.simulation.counts import Group
from streams.rollout.simulation.gate import Control, Verdict


@dataclass(frozen=True)
class Mender:
    """Never stops by itself, whatever the devices say."""

    withdraws: bool = True

    def stops(self, _now_s: float, _waves: Sequence[Group], _control: Control) -> Verdict:
        """Only a person aborts."""
        return Verdict.WAIT

    def advances(self, _now_s: float, _waves: Sequence[Group], _control: Control) -> bool:
        """The clock alone."""
        return True
