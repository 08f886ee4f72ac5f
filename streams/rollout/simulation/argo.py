"""Argo Rollouts' analysis: a success condition, and failures that may not exceed their limit.

Source: argo-rollouts analysis/analysis.go (assessMetricStatus) and docs/features/analysis.md.
"""

from collections.abc import Sequence

from streams.rollout.simulation.counts import Counts, Group
from streams.rollout.simulation.gate import Control, Verdict
from streams.rollout.simulation.hourly import LEAST, by_metric, decided


class Argo:
    """A background analysis of the share of bad outcomes so far; more than failureLimit abort it.

    The query sees everything decided since the rollout began, once LEAST outcomes are known: the
    guard that users build into their queries by hand. Abort moves the traffic back.

    Args:
        threshold: successCondition: result <= threshold.
        failure_limit: Default 0.
        interval_s: Between two measurements.
    """

    withdraws = True

    def __init__(self, threshold: float, failure_limit: int = 0, interval_s: float = 3600) -> None:
        self._threshold, self._limit, self._interval_s = threshold, failure_limit, interval_s
        self._next_s, self._failed = 0.0, [0, 0]

    def stops(self, now_s: float, waves: Sequence[Group], _control: Control) -> Verdict:
        """Failed if failed > failureLimit in either metric: the worst metric wins."""
        if now_s >= self._next_s:
            self._next_s = now_s + self._interval_s
            for metric, counts in enumerate(by_metric(waves)):
                bad, known = decided(Counts.total(counts))
                self._failed[metric] += known >= LEAST and bad > self._threshold * known
        return Verdict.ROLL_BACK if max(self._failed) > self._limit else Verdict.WAIT

    def advances(self, _now_s: float, _waves: Sequence[Group], _control: Control) -> bool:
        """A pause step ends on the clock."""
        return True
