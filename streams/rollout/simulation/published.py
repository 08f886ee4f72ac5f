"""Scenarios after other tools' tests and documentation: what their rule says, and what ours does.

Every row is one moment of a rollout, its numbers chosen here, with what the tool's rule is known to
say. `theirs` computes that again from the restated rule, `ours` asks the production gate about the
same counts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from streams.rollout.metrics import Metric
from streams.rollout.policy import Policy
from streams.rollout.simulation.argo import Argo
from streams.rollout.simulation.aws import AwsJobs
from streams.rollout.simulation.counts import Counts, Group
from streams.rollout.simulation.flagger import Flagger
from streams.rollout.simulation.gate import Seen, Verdict
from streams.rollout.simulation.hawkbit import HawkBit
from streams.rollout.simulation.kayenta import Kayenta
from streams.rollout.simulation.mender import Mender
from streams.rollout.simulation.ours import Ours
from streams.rollout.simulation.staged import Rule

STRATUM: Final = "HW4"
POLICY: Final = Policy.model_validate(
    {
        "ceiling": 0.02,
        "metrics": {Metric.UPDATES.value: {}},
        "waves": (0.01, 0.1, 1.0),
        "exposure_budget": 0.1,
        "holdback": 0.0,
        "soak_s": 3600.0,
        "patience_s": 3600.0,
    }
)
"""No wave may be widened before it is proven: what is not proven is held."""
_OPENED_S: Final = 2.0 * POLICY.soak_s
_JUDGED_S: Final = _OPENED_S + POLICY.soak_s + POLICY.patience_s + 1.0


@dataclass(frozen=True, slots=True)
class Published:
    """One scenario.

    Attributes:
        source: Tool and place in its sources or documentation.
        case: What happens, in our words.
        rule: The tool's rule as the scenario sets it, made anew.
        targets: Devices of the wave.
        counts: What became of them.
        verdict: What the tool's rule is known to say.
        why: One line: why ours is the same, or another.
    """

    source: str
    case: str
    rule: Callable[[], Rule]
    targets: int
    counts: Counts
    verdict: Verdict
    why: str


def theirs(row: Published) -> Verdict:
    """The restated rule's verdict: it stops, or goes on, or waits."""
    rule, wave = row.rule(), [Group(row.targets, 0.0, row.counts, Counts())]
    stopped = rule.stops(_JUDGED_S, wave, list)
    if stopped is not Verdict.WAIT:
        return stopped
    return Verdict.WIDEN if rule.advances(_JUDGED_S, wave, list) else Verdict.WAIT


def ours(row: Published) -> Verdict:
    """The production gate's verdict on the same counts in a wave that needs proof.

    Wave 0 asks only that no harm is seen, so it is passed first with the least devices that may.
    """
    gate = Ours(POLICY, (STRATUM,))
    start = Counts(accepted=POLICY.minimum_devices, committed=POLICY.minimum_devices)
    waves: list[Group] = []
    for now_s, counts in (
        (0.0, None),
        (_OPENED_S, start),
        (_JUDGED_S, row.counts),
    ):
        if counts is not None:
            waves.append(Group(row.targets, now_s, counts, Counts()))
        answers = gate.judge(Seen(now_s, {STRATUM: tuple(waves)}, list))
    return answers[0].verdict if answers else Verdict.WAIT


PUBLISHED: Final[Sequence[Published]] = (
    Published(
        "hawkBit RolloutGroupConditionTest",
        "errors at exactly the threshold",
        lambda: HawkBit(error_share=0.5, success_share=0.6),
        100,
        Counts(accepted=100, committed=50, failed=50),
        Verdict.WIDEN,
        "all is final, so it goes on with half of the wave broken; ours has proof of harm",
    ),
    Published(
        "hawkBit RolloutGroupConditionTest",
        "everything final below the success threshold",
        lambda: HawkBit(error_share=0.9, success_share=0.9),
        100,
        Counts(accepted=100, committed=40, failed=60),
        Verdict.WIDEN,
        "'all done' is not 'good': ours counts what failed",
    ),
    Published(
        "hawkBit ThresholdRolloutGroupSuccessCondition",
        "finished at exactly the threshold, the others on their way",
        lambda: HawkBit(success_share=0.6),
        100,
        Counts(accepted=100, committed=60),
        Verdict.WIDEN,
        "nothing is wrong, but so few cannot prove 2 %: a person is asked",
    ),
    Published(
        "hawkBit ThresholdRolloutGroupErrorCondition",
        "one error more than the threshold",
        lambda: HawkBit(error_share=0.5),
        100,
        Counts(accepted=100, committed=49, failed=51),
        Verdict.HOLD,
        "a pause leaves 51 broken devices broken; ours takes them back",
    ),
    Published(
        "hawkBit ThresholdRolloutGroupErrorCondition",
        "a group without targets",
        lambda: HawkBit(error_share=0.0),
        0,
        Counts(),
        Verdict.WIDEN,
        "an empty group proves nothing",
    ),
    Published(
        "hawkBit ThresholdRolloutGroupSuccessCondition",
        "half finished, the other half silent",
        HawkBit,
        100,
        Counts(accepted=100, committed=50, silent=50),
        Verdict.WIDEN,
        "silence after accepting is a failure for ours, and nothing for hawkBit",
    ),
    Published(
        "AWS IoT abort criteria",
        "nearly all failed, one below the minimum of executed things",
        lambda: AwsJobs(threshold=0.1),
        200,
        Counts(accepted=99, committed=9, failed=90),
        Verdict.WAIT,
        "evidence needs no fixed minimum: it is in the count",
    ),
    Published(
        "AWS IoT abort criteria",
        "failed and timed out together above the threshold (ALL)",
        lambda: AwsJobs(threshold=0.1),
        200,
        Counts(accepted=100, committed=89, failed=6, silent=5),
        Verdict.HOLD,
        "a cancel takes nobody back; ours does",
    ),
    Published(
        "AWS IoT job execution states",
        "committed first, failed later: a final state never changes",
        lambda: AwsJobs(threshold=0.1),
        100,
        Counts(accepted=100, committed=50, failed=50, regressed=50),
        Verdict.WIDEN,
        "a device that commits and then reverts has failed",
    ),
    Published(
        "Argo analysis.go assessMetricStatus",
        "one failed measurement, failureLimit 0",
        lambda: Argo(0.1),
        100,
        Counts(accepted=100, committed=88, failed=12),
        Verdict.ROLL_BACK,
        "both go back; ours with a stated chance of being wrong",
    ),
    Published(
        "Argo analysis_test, terminated before any measurement",
        "nothing measured",
        lambda: Argo(0.1),
        100,
        Counts(),
        Verdict.WIDEN,
        "no data is no success",
    ),
    Published(
        "Flagger scheduler_metrics_test",
        "a failed check, threshold 1",
        lambda: Flagger(0.1),
        100,
        Counts(accepted=100, committed=88, failed=12),
        Verdict.ROLL_BACK,
        "both go back",
    ),
    Published(
        "Kayenta ScorerSuite",
        "no metric has data: an empty group scores 100",
        Kayenta,
        100,
        Counts(),
        Verdict.WIDEN,
        "no data is no success",
    ),
    Published(
        "Mender phased rollout",
        "everything failed; the next phase opens on the clock",
        Mender,
        100,
        Counts(accepted=100, failed=100),
        Verdict.WIDEN,
        "results are looked at",
    ),
)


def table() -> str:
    """All of them as a Markdown table, both verdicts computed."""
    head = "| source | what happens | theirs | ours | why |\n|---|---|---|---|---|\n"
    return head + "".join(
        f"| {row.source} | {row.case} | {theirs(row)} | {ours(row)} | {row.why} |\n"
        for row in PUBLISHED
    )
