"""How Argo Rollouts assesses one metric of an analysis run from its counts.

Source: argo-rollouts analysis/analysis.go (assessMetricStatus), and the tests of it.
"""

from dataclasses import dataclass
from typing import Final

from streams.rollout.simulation.gate import Verdict

CONSECUTIVE_ERRORS: Final = 4
"""Default of consecutiveErrorLimit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgoMetric:
    """Measurements of one metric so far.

    Attributes:
        consecutive_error: Measurements in a row that could not be taken.
        wanted: Its `count`; 0: it goes on until the run is ended.
        terminating: The run is being ended.
        in_flight: A measurement is under way.
        dry_run: What it says does not count.
    """

    successful: int = 0
    failed: int = 0
    inconclusive: int = 0
    consecutive_error: int = 0
    failure_limit: int = 0
    inconclusive_limit: int = 0
    wanted: int = 0
    terminating: bool = False
    in_flight: bool = False
    dry_run: bool = False

    def verdict(self) -> Verdict:
        """Failed and Error abort, Inconclusive pauses for a person, Successful goes on."""
        if self.in_flight:
            return Verdict.WAIT
        stopped = Verdict.WAIT if self.dry_run else self._stopped()
        if stopped is not Verdict.WAIT:
            return stopped
        taken = self.successful + self.failed + self.inconclusive
        if self.wanted and taken >= self.wanted:
            whole = self.successful >= self.wanted or self.dry_run
            return Verdict.WIDEN if whole else Verdict.HOLD
        return Verdict.WIDEN if self.terminating else Verdict.WAIT

    def _stopped(self) -> Verdict:
        if self.failed > self.failure_limit or self.consecutive_error > CONSECUTIVE_ERRORS:
            return Verdict.ROLL_BACK
        return Verdict.HOLD if self.inconclusive > self.inconclusive_limit else Verdict.WAIT
