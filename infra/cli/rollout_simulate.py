"""`fleetloop rollout simulate`: how many failing devices which gate lets a release reach."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from infra.cli.output import Format, fail, say, show
from streams.rollout.simulation.calibration import (
    ALARMS,
    Calibration,
    CalibrationError,
    Setting,
)
from streams.rollout.simulation.comparison import Interval, Summary, compare
from streams.rollout.simulation.gates import Name
from streams.rollout.simulation.scenario import Scenario, ScenarioError, load_scenario, shipped

FLEETS: Final = 300
"""Fleets the rivals' thresholds are set on."""
_DAY_S: Final = 86_400.0


def simulate(scenario: str, gates: str, seeds: int, output: Format) -> None:
    """Set the rivals, play the fleets, and show what became of them."""
    chosen = _gates(gates)
    try:
        played = load_scenario(shipped().get(scenario, Path(scenario)))
        settings = _settings(played, chosen)
    except (ScenarioError, CalibrationError) as error:
        fail(str(error))
    found = compare(played, settings, range(1, seeds + 1))
    show([row(one, settings) for one in found], output)
    say(f"{scenario}: {played.about}; seeds 1 to {seeds}, thresholds set on {FLEETS} other fleets")
    say(
        "the rivals have the time between waves that gives a good release the same median time to "
        f"everybody, and the tightest threshold that stops {ALARMS:.0%} at most at the ceiling"
    )


def row(found: Summary, settings: Mapping[Name, Setting]) -> dict[str, Any]:
    """One gate: shares of rollouts, and 95 % intervals."""
    setting = settings.get(found.gate)
    days = None if found.full_median_s is None else round(found.full_median_s / _DAY_S, 2)
    return {
        "gate": found.gate.value,
        "runs": found.runs,
        "exposed_failing": round(found.exposed.value, 1),
        "exposed_95": _told(found.exposed, 1),
        "false_rollbacks": round(found.false_back.value, 4),
        "false_rollbacks_95": _told(found.false_back, 4),
        "false_holds": round(found.false_hold.value, 4),
        "false_holds_95": _told(found.false_hold, 4),
        "held": round(found.held.value, 4),
        "reached_all": round(found.full.value, 4),
        "days_to_all": days,
        "threshold": None if setting is None else round(setting.threshold, 4),
        "days_between_waves": None if setting is None else round(setting.dwell_s / _DAY_S, 2),
    }


def _told(interval: Interval, digits: int) -> list[float]:
    return [round(interval.low, digits), round(interval.high, digits)]


def _gates(text: str) -> list[Name]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = sorted(set(names) - set(Name))
    if unknown or not names:
        told = f"{', '.join(unknown)} is none of" if unknown else "name some of"
        fail(f"--gates={text!r}: {told} {', '.join(Name)}")
    return [Name(name) for name in dict.fromkeys(names)]


def _settings(scenario: Scenario, gates: Sequence[Name]) -> dict[Name, Setting]:
    rivals = [name for name in gates if name is not Name.OURS]
    if not rivals:
        return {}
    calibration = Calibration(scenario, FLEETS)
    return {name: calibration.setting(name) for name in rivals}
