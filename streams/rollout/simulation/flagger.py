"""Flagger's canary analysis: failed checks add up and are never taken back.

Source: flagger pkg/controller/scheduler.go, scheduler_metrics.go, and docs "How it works".
"""

from collections.abc import Sequence

from streams.rollout.simulation.counts import Group
from streams.rollout.simulation.gate import Control, Verdict
from streams.rollout.simulation.hourly import LEAST, Intervals, by_metric


class Flagger:
    """Every interval each metric must be in its range, or the check has failed.

    The metric is that of the interval itself. An interval goes on until it has LEAST outcomes,
    which is kinder than Flagger, where one without data is a failed check.

    Args:
        threshold: thresholdRange.max of the share of bad outcomes.
        failed_checks: analysis.threshold: so many roll back; default 1.
        interval_s: analysis.interval.
        no_values_fail: As Flagger has it: a look that finds no value is a failed check.
    """

    withdraws = True

    def __init__(
        self,
        threshold: float,
        failed_checks: int = 1,
        interval_s: float = 3600,
        *,
        no_values_fail: bool = False,
    ) -> None:
        self._threshold, self._limit = threshold, failed_checks
        self._no_values_fail = no_values_fail
        self._metrics = Intervals(interval_s, LEAST), Intervals(interval_s, LEAST)
        self._failed = 0

    def stops(self, now_s: float, waves: Sequence[Group], _control: Control) -> Verdict:
        """Rolls back at failedChecks >= threshold."""
        looked = [
            metric.look(now_s, counts)
            for metric, counts in zip(self._metrics, by_metric(waves), strict=True)
        ]
        missing = self._no_values_fail and all(share is None for share in looked)
        over = any(share is not None and share > self._threshold for share in looked)
        self._failed += over or missing
        return Verdict.ROLL_BACK if self._failed >= self._limit else Verdict.WAIT

    def advances(self, _now_s: float, _waves: Sequence[Group], _control: Control) -> bool:
        """The weight grows with every interval; the clock is the operator's."""
        return True
