"""AWS IoT Jobs' abort criteria and rate increase.

Source: AWS IoT Core developer guide, "How job configurations work" (rollout and abort), and
AbortCriteria of the service model: failureType, thresholdPercentage, minNumberOfExecutedThings.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from streams.rollout.simulation.counts import Counts, Group
from streams.rollout.simulation.gate import Control, Verdict


@dataclass(frozen=True)
class AwsJobs:
    """Failures of all types over executed things, once enough have executed, cancel the job.

    Counters run over the whole job. A final state never changes, so a device that fails later
    stays SUCCEEDED. A cancel withdraws what is queued; nobody is taken back.

    Attributes:
        threshold: A larger share cancels; off by default, so it has none.
        minimum: Executed things before the share is looked at; 1 or more.
        succeeded_share: Of the latest wave, for the rate to increase: "N succeeded".
    """

    threshold: float
    minimum: int = 100
    succeeded_share: float = 0.5
    withdraws: bool = True

    def stops(self, _now_s: float, waves: Sequence[Group], _control: Control) -> Verdict:
        """With failureType ALL: FAILED, REJECTED and TIMED_OUT together."""
        counts = Counts.total(group.updates for group in waves)
        failed = counts.first_failed + counts.silent
        executed = failed + counts.first_finished
        over = executed >= self.minimum and failed > self.threshold * executed
        return Verdict.HOLD if over else Verdict.WAIT

    def advances(self, _now_s: float, waves: Sequence[Group], _control: Control) -> bool:
        """Enough of the latest wave have succeeded."""
        return waves[-1].updates.first_finished >= self.succeeded_share * waves[-1].targets
