"""Waves on a clock with a rule that can stop them: how every other tool is driven."""

from collections.abc import Sequence
from typing import Protocol

from streams.rollout.simulation.counts import Group
from streams.rollout.simulation.gate import Answer, Control, Seen, Verdict


class Rule(Protocol):
    """The published rule of a tool over waves that it takes from all strata together."""

    @property
    def withdraws(self) -> bool:
        """Whether a held wave takes no further device of those it was offered to."""
        ...

    def stops(self, now_s: float, waves: Sequence[Group], control: Control) -> Verdict:
        """HOLD, ROLL_BACK, or WAIT: it goes on."""
        ...

    def advances(self, now_s: float, waves: Sequence[Group], control: Control) -> bool:
        """Whether the next wave may open, once its time has come."""
        ...


class Staged:
    """Opens the next wave when `dwell_s` is over and the rule lets it.

    Args:
        rule: The tool's.
        shares: Cumulative share of each wave.
        dwell_s: Least time between two waves: what an operator sets.
    """

    def __init__(self, rule: Rule, shares: Sequence[float], dwell_s: float) -> None:
        self._rule, self._shares, self._dwell_s = rule, shares, dwell_s
        self.withdraws = rule.withdraws

    def judge(self, seen: Seen) -> Sequence[Answer]:
        """One answer for all strata."""
        waves = [
            Group.pooled(parts)
            for parts in zip(*(seen.strata[name] for name in seen.strata), strict=True)
        ]
        if not waves:
            return _all(seen, Verdict.WIDEN, self._shares[0])
        stopped = self._rule.stops(seen.now_s, waves, seen.control)
        if stopped is not Verdict.WAIT:
            return _all(seen, stopped)
        due = seen.now_s - waves[-1].opened_s >= self._dwell_s
        if not due or not self._rule.advances(seen.now_s, waves, seen.control):
            return []
        if len(waves) == len(self._shares):
            return _all(seen, Verdict.DONE)
        return _all(seen, Verdict.WIDEN, self._shares[len(waves)])


def _all(seen: Seen, verdict: Verdict, share: float = 0.0) -> list[Answer]:
    return [Answer(name, verdict, share) for name in seen.strata]
