"""One moment of a rollout: what another tool's rule says about it, and what our gate does."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from streams.rollout.metrics import Metric
from streams.rollout.policy import Policy
from streams.rollout.policy_faults import read_model
from streams.rollout.published.rules import Tool, said, wave_of
from streams.rollout.simulation.counts import Counts, Group
from streams.rollout.simulation.gate import Seen, Verdict
from streams.rollout.simulation.ours import Ours

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
_FOLDER: Final = Path(__file__).parent


class Judgement(BaseModel):
    """One scenario.

    Attributes:
        test: Where it stands in the tool's sources or documentation.
        what: What happens, in our words; the numbers are chosen here.
        rule: The tool's settings, or the series it judges.
        targets: Devices of the wave.
        counts: What became of them.
        theirs: What the source says that the tool does.
        ours: What our gate is to say.
        why: One line: why ours is the same, or another.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    test: str
    what: str
    rule: dict[str, Any]
    targets: int
    counts: Counts
    theirs: Verdict
    ours: Verdict
    why: str


class Judgements(BaseModel):
    """The scenarios of one tool; `source`: its repository, and the folder or file of the tests."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tool: Tool
    source: str
    rows: tuple[Judgement, ...]


def judgements() -> Sequence[Judgements]:
    """The scenarios of every tool."""
    return [
        read_model(_FOLDER / f"{tool}.yaml", Judgements, unreadable="it comes with the project")
        for tool in Tool
    ]


def theirs(tool: Tool, row: Judgement) -> Verdict:
    """The restated rule's verdict."""
    return said(tool, row.rule, wave_of(row.targets, row.counts), _JUDGED_S)


@cache
def ours(targets: int, counts: Counts) -> Verdict:
    """The production gate's verdict on the same counts in a wave that needs proof.

    Wave 0 asks only that no harm is seen, so it is passed first with the least devices that may.
    """
    gate = Ours(POLICY, (STRATUM,))
    start = Counts(accepted=POLICY.minimum_devices, committed=POLICY.minimum_devices)
    waves: list[Group] = []
    answers = gate.judge(Seen(0.0, {STRATUM: ()}, list))
    for now_s, told in ((_OPENED_S, start), (_JUDGED_S, counts)):
        waves.append(Group(targets, now_s, told, Counts()))
        answers = gate.judge(Seen(now_s, {STRATUM: tuple(waves)}, list))
    return answers[0].verdict if answers else Verdict.WAIT
