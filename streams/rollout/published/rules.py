"""The published rules by tool, as a scenario sets them: what each says about one moment."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from streams.rollout.simulation.argo_metric import ArgoMetric
from streams.rollout.simulation.aws import AwsJobs
from streams.rollout.simulation.counts import Counts, Group
from streams.rollout.simulation.flagger import Flagger
from streams.rollout.simulation.gate import Verdict
from streams.rollout.simulation.hawkbit import HawkBit
from streams.rollout.simulation.kayenta import metric_passes, score
from streams.rollout.simulation.mender import Mender
from streams.rollout.simulation.staged import Rule


class Tool(StrEnum):
    """Tools with published scenarios."""

    HAWKBIT = "hawkbit"
    AWS = "aws"
    ARGO = "argo"
    FLAGGER = "flagger"
    KAYENTA = "kayenta"
    MENDER = "mender"


def said(tool: Tool, rule: Mapping[str, Any], wave: Group, at_s: float) -> Verdict:
    """The tool's verdict on a wave, or on the series that the rule brings along.

    Raises:
        TypeError: The rule has no such setting.
    """
    match tool:
        case Tool.ARGO:
            return ArgoMetric(**rule).verdict()
        case Tool.KAYENTA:
            return _judged(**rule)
        case Tool.HAWKBIT:
            return _staged(HawkBit(**rule), wave, at_s)
        case Tool.AWS:
            return _staged(AwsJobs(**rule), wave, at_s)
        case Tool.FLAGGER:
            return _staged(Flagger(**rule), wave, at_s)
        case Tool.MENDER:
            return _staged(Mender(**rule), wave, at_s)


def wave_of(targets: int, counts: Counts) -> Group:
    """One wave that was opened at the beginning."""
    return Group(targets, 0.0, counts, Counts())


def _staged(rule: Rule, wave: Group, at_s: float) -> Verdict:
    """It stops, or goes on, or waits."""
    stopped = rule.stops(at_s, [wave], list)
    if stopped is not Verdict.WAIT:
        return stopped
    return Verdict.WIDEN if rule.advances(at_s, [wave], list) else Verdict.WAIT


def _judged(
    metrics: Sequence[Mapping[str, Any]], passes: float = 90, marginal: float = 75
) -> Verdict:
    """Kayenta's score over metrics: each with the values of `canary` and `baseline`.

    A critical metric that does not pass makes it 0; one that is only reported has no part in it.
    """
    told = [one for one in metrics if not one.get("report_only")]
    passed = [metric_passes(one["canary"], one["baseline"], allowed=1.0) for one in told]
    broken = any(one.get("critical") and not ok for one, ok in zip(told, passed, strict=True))
    found = 0.0 if broken else score(passed)
    if found >= passes:
        return Verdict.WIDEN
    return Verdict.HOLD if found >= marginal else Verdict.ROLL_BACK
