"""How each gate is set so that they can be compared: equal time, equal false alarms.

All take the waves of the policy. A rival's time between waves is chosen so that a good release
reaches everybody in the same median time as with ours; then its threshold is the tightest one with
which it stops at most `ALARMS` of the releases that stand exactly at the ceiling.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Final

from streams.rollout.simulation.gate import Gate
from streams.rollout.simulation.gates import Name, ours, staged
from streams.rollout.simulation.rollout import Drawn, Rollout
from streams.rollout.simulation.scenario import Failing, Scenario

ALARMS: Final = 0.01
FIRST_SEED: Final = 1_000_000
"""Calibration draws fleets that no comparison draws."""
MULTIPLES: Final = tuple(round(0.5 * 1.06**step, 3) for step in range(68))
"""Thresholds that are tried, as multiples of the ceiling (or of no increase): 0.5 to 25."""
_DELAYS: Final = ("accepts", "commits", "never_accepts", "region_delay_s")
_NEVER: Final = 1e9
_STEPS: Final = 8


class CalibrationError(ValueError):
    """The gates cannot be made comparable; the message says why."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How a rival is set.

    Attributes:
        alarms: Share of the calibration's releases at the ceiling that it stops.
    """

    threshold: float
    dwell_s: float
    alarms: float


class Calibration:
    """Settings for scenarios that share waves, fleet and ceiling.

    Args:
        scenario: Whose fleet and policy; its faults are replaced.
        fleets: Fleets drawn for the thresholds; a tenth of them, at least 5, for the times.
        alarms: Share of releases at the ceiling that a rival may stop.
    """

    def __init__(self, scenario: Scenario, fleets: int, alarms: float = ALARMS) -> None:
        self._alarms = alarms
        ceiling = scenario.policy.ceiling
        plain = {key: Scenario.model_fields[key].get_default() for key in _DELAYS}
        self._good = scenario.model_copy(
            update={**plain, "failing": Failing(rate=scenario.parent_rate)}
        )
        self._at = scenario.model_copy(update={**plain, "failing": Failing(rate=ceiling)})
        self._drawn = [Drawn(self._at, FIRST_SEED + number) for number in range(fleets)]
        self._drawn_good = [
            Drawn(self._good, FIRST_SEED + number) for number in range(max(5, fleets // 10))
        ]
        target_s = self._median(lambda: ours(self._good))
        if target_s is None:
            raise CalibrationError(
                "most good releases do not get through our gate, so there is no time to compare "
                "at; give the scenario a larger fleet or its policy a higher ceiling"
            )
        self.target_s = target_s

    def setting(self, name: Name) -> Setting:
        """How a rival is to be set."""
        dwell_s = self._dwell(name)
        unit = 1.0 if name is Name.KAYENTA else self._at.policy.ceiling
        if name is Name.MENDER:
            return Setting(_NEVER, dwell_s, 0.0)

        def alarms(multiple: float) -> float | None:
            gate = partial(_rival, name, self._at, unit * multiple, dwell_s)
            return _played(self._at, self._drawn, gate, at_most=self._alarms)

        # A wider threshold stops no rollout that a tighter one lets pass.
        at = bisect_left(MULTIPLES, 1, key=lambda multiple: int(alarms(multiple) is not None))
        if at == len(MULTIPLES):
            return Setting(_NEVER, dwell_s, 0.0)
        return Setting(unit * MULTIPLES[at], dwell_s, alarms(MULTIPLES[at]) or 0.0)

    def _dwell(self, name: Name) -> float:
        """Bisected on a rule that never stops; times are looked at every tick only."""
        low, high = 0.0, self.target_s
        for _ in range(_STEPS):
            middle = (low + high) / 2
            took = self._median(partial(_rival, name, self._good, _NEVER, middle))
            if took is None or took > self.target_s:
                high = middle
            else:
                low = middle
        return low

    def _median(self, gate: Callable[[], Gate]) -> float | None:
        """Median time to everybody; None: most rollouts never get there."""
        times = [Rollout(self._good, fleet, gate()).play().full_s for fleet in self._drawn_good]
        known = [at for at in times if at is not None]
        return median(known) if 2 * len(known) > len(times) else None


def _rival(name: Name, scenario: Scenario, threshold: float, dwell_s: float) -> Gate:
    return staged(name, scenario, threshold=threshold, dwell_s=dwell_s)


def _played(
    scenario: Scenario, drawn: Sequence[Drawn], gate: Callable[[], Gate], *, at_most: float
) -> float | None:
    """Share of rollouts that are stopped; None as soon as it is more than allowed."""
    stopped = 0
    for fleet in drawn:
        outcome = Rollout(scenario, fleet, gate()).play()
        stopped += bool(outcome.held or outcome.back)
        if stopped > at_most * len(drawn):
            return None
    return stopped / len(drawn)
