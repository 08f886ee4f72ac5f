"""One rollout: a gate, a fleet, and a clock."""

import math
from dataclasses import dataclass
from functools import cached_property

from streams.rollout.simulation.exposure import Exposure, Wave
from streams.rollout.simulation.fleet import Devices, draw, draw_control
from streams.rollout.simulation.gate import Answer, Gate, Seen, Verdict
from streams.rollout.simulation.reports import Reports
from streams.rollout.simulation.scenario import Scenario


class Drawn:
    """The fleet of one seed, and what it will report.

    Attributes:
        strata: By name.
    """

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self._scenario, self._seed = scenario, seed
        fleet = draw(scenario, seed)
        self.strata = {name: self._reports(devices) for name, devices in fleet.items()}

    @cached_property
    def control(self) -> Reports:
        """As many devices on the parent; drawn for gates that compare."""
        return self._reports(draw_control(self._scenario, self._seed))

    def _reports(self, devices: Devices) -> Reports:
        return Reports.of(devices, self._scenario.tick_s, self._scenario.horizon_s)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one rollout.

    Attributes:
        exposed: Devices that took the release and for which it is bad.
        full_s: When the last stratum was opened to everybody; None: it never was.
        held: Strata that were held.
        back: Strata that were ordered back.
    """

    exposed: int
    full_s: float | None
    held: tuple[str, ...]
    back: tuple[str, ...]


class Rollout:
    """Plays one gate over one fleet."""

    def __init__(self, scenario: Scenario, drawn: Drawn, gate: Gate) -> None:
        self._scenario, self._gate, self._drawn = scenario, gate, drawn
        self._strata = {name: Exposure(reports) for name, reports in drawn.strata.items()}
        self._offered: list[tuple[slice, float]] = []
        self._control: list[Wave] = []
        self._verdicts: dict[str, Verdict] = {}
        self._full_s: dict[str, float] = {}

    def play(self) -> Outcome:
        """To its end, or to the horizon."""
        now_s = 0.0
        while now_s < self._scenario.horizon_s and len(self._verdicts) < len(self._strata):
            answers = self._gate.judge(self._seen(now_s))
            for answer in answers:
                self._obey(answer, now_s)
            if any(answer.verdict is Verdict.WIDEN for answer in answers):
                self._offer(now_s)
            now_s += self._scenario.tick_s
        full = len(self._full_s) == len(self._strata)
        return Outcome(
            exposed=sum(self._exposed(at) for at in self._strata.values()),
            full_s=max(self._full_s.values()) if full else None,
            held=tuple(name for name, v in self._verdicts.items() if v is Verdict.HOLD),
            back=tuple(name for name, v in self._verdicts.items() if v is Verdict.ROLL_BACK),
        )

    def _seen(self, now_s: float) -> Seen:
        strata = {name: at.groups(now_s) for name, at in self._strata.items()}
        return Seen(now_s, strata, lambda: [wave.at(now_s) for wave in self._baseline()])

    def _obey(self, answer: Answer, now_s: float) -> None:
        at = self._strata[answer.stratum]
        if answer.verdict is Verdict.WIDEN:
            at.widen(answer.share, now_s)
            if answer.share >= 1.0:
                self._full_s[answer.stratum] = now_s
        elif answer.verdict is not Verdict.WAIT:
            self._verdicts[answer.stratum] = answer.verdict
            if answer.verdict is not Verdict.DONE:
                at.stopped_s = now_s

    def _offer(self, now_s: float) -> None:
        """Give the control as many devices as the release has."""
        offered = sum(wave.targets for at in self._strata.values() for wave in at.waves)
        known = self._offered[-1][0].stop if self._offered else 0
        self._offered.append((slice(known, offered), now_s))

    def _baseline(self) -> list[Wave]:
        """The control's waves."""
        for rows, opened_s in self._offered[len(self._control) :]:
            self._control.append(Wave(self._drawn.control, rows, opened_s))
        return self._control

    def _exposed(self, at: Exposure) -> int:
        return at.exposed(at.stopped_s if self._gate.withdraws else math.inf)
