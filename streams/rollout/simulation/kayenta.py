"""Spinnaker Kayenta's judge: Mann-Whitney between canary and baseline, and a score.

Source: kayenta-judge NetflixACAJudge, MannWhitneyClassifier and WeightedSumScorer, and
kayenta-mannwhitney MannWhitney.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from streams.rollout.simulation.counts import Group
from streams.rollout.simulation.gate import Control, Verdict
from streams.rollout.simulation.hourly import Intervals, by_metric

_Z98: Final = 2.3263478740408408
_TOLERANCE: Final = 0.25
_TIES: Final = 1e-5
Floats = npt.NDArray[np.float64]


def too_high(canary: Sequence[float], baseline: Sequence[float], allowed: float) -> bool:
    """Whether a metric is classified High: it rose, and by more than the allowed effect.

    The 98 % interval of the shift lies above a quarter of its estimate (Hodges-Lehmann), and the
    ratio of the means is at least `allowed`; a baseline whose mean is zero has no ratio, and then
    the shift alone decides. Where Kayenta follows R's root finding, the interval here ends at
    order statistics of the pairwise differences (normal approximation, as R's for 50 or more).
    """
    x, y = np.asarray(canary, dtype=float), np.asarray(baseline, dtype=float)
    if len(x) == 0 or len(y) == 0 or (len(x) == len(y) and bool((x == y).all())):
        return False
    if len(np.unique(np.concatenate([x, y]))) == 1:
        return False
    shifts = np.sort((_untied(x)[:, None] - _untied(y)[None, :]).ravel())
    spread = math.sqrt(len(x) * len(y) * (len(x) + len(y) + 1) / 12)
    at = max(0, math.floor(len(shifts) / 2 - _Z98 * spread))
    rose = bool(shifts[at] > _TOLERANCE * abs(float(np.median(shifts))))
    ratio = float(x.mean() / y.mean()) if y.mean() > 0 else math.nan
    return rose and (math.isnan(ratio) or ratio >= allowed)


def score(passed: Sequence[bool | None]) -> float:
    """Share of metrics that pass, times 100; 0 when half of them or more have no data (None)."""
    known = [one for one in passed if one is not None]
    if 2 * len(known) <= len(passed):
        return 0.0
    return 100.0 * sum(known) / len(known)


def metric_passes(
    canary: Sequence[float], baseline: Sequence[float], allowed: float
) -> bool | None:
    """Whether a metric passes; None: one side has no data."""
    if not canary or not baseline:
        return None
    return not too_high(canary, baseline, allowed)


class Kayenta:
    """Judges at the end of each wave: Pass goes on, Marginal waits for a person, Fail rolls back.

    Args:
        allowed: allowedIncrease of the ratio of means; 1.0 is the default.
        marginal: Scores below fail.
        passes: Scores from here on pass.
        interval_s: Between two points of the series.
    """

    withdraws = True

    def __init__(
        self,
        allowed: float = 1.0,
        marginal: float = 75,
        passes: float = 90,
        interval_s: float = 3600,
    ) -> None:
        self._allowed, self._marginal, self._passes = allowed, marginal, passes
        self._canary = Intervals(interval_s), Intervals(interval_s)
        self._baseline = Intervals(interval_s), Intervals(interval_s)
        self._failed = False

    def stops(self, now_s: float, waves: Sequence[Group], control: Control) -> Verdict:
        """Only collects, and says what the judgement at the end of the wave was."""
        if self._canary[0].due(now_s):
            for series, groups in ((self._canary, waves), (self._baseline, control())):
                for metric, counts in zip(series, by_metric(groups), strict=True):
                    metric.look(now_s, counts)
        return Verdict.ROLL_BACK if self._failed else Verdict.WAIT

    def advances(self, _now_s: float, _waves: Sequence[Group], _control: Control) -> bool:
        """The judgement: asked when the wave's time is over."""
        told = [
            metric_passes(canary.shares, baseline.shares, self._allowed)
            for canary, baseline in zip(self._canary, self._baseline, strict=True)
        ]
        found = score(told)
        self._failed = found < self._marginal
        return found >= self._passes


def _untied(values: Floats) -> Floats:
    """Values that are all equal get noise of 1e-5, in a fixed order, as Kayenta adds it."""
    if len(np.unique(values)) > 1:
        return values
    return values + _TIES * np.linspace(-1, 1, len(values))
