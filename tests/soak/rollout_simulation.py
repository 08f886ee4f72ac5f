"""`make soak NAME=rollout_simulation`: every shipped scenario through every gate.

Each run is one scenario, SOAK_RUNS of them from the SOAK_SEED-th on, each with SOAK_FLEETS fleets
(50). Rivals may stop SOAK_ALARMS (0.01) of the releases at the ceiling. A promise is broken when
our gate orders back more releases that keep to the ceiling than alpha_harm allows (the interval's
lower end is above it). build/soak/rollout_simulation.json has the tables;
`tests/soak/simulation_page.py` makes those of docs/rollout-simulation.md of it.
"""

import os
import sys
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from infra.cli.rollout_simulate import FLEETS, row
from streams.rollout.simulation.calibration import ALARMS, Calibration, Setting
from streams.rollout.simulation.comparison import compare
from streams.rollout.simulation.gates import Name
from streams.rollout.simulation.scenario import load_scenario, shipped
from tests.soak.seeds import soak

SCENARIOS: Final = sorted(shipped().items())
HEADLINE: Final = {
    "five_times": "no delay",
    "failures_first": "failures first",
    "failures_late": "successes first",
    "heavy_tail": "heavy tail",
    "by_region": "correlated by region",
    "fifth_away": "a fifth never accepts",
    "silence": "silence after accepting",
    "drift": "drift: commits, then reverts",
    "only_hw3": "one hardware generation",
    "latency_only": "latency",
}
"""The harmful scenario of each kind of fault and delay that the gate is to withstand, and which:
one each. The others vary how much fails, or are not harmful."""


def run(number: int) -> Mapping[str, Any]:
    """Play the scenario of a number, from 1."""
    name, path = SCENARIOS[number - 1]
    scenario = load_scenario(path)
    fleets = int(os.environ.get("SOAK_FLEETS", "50"))
    settings = _settings(tuple(sorted(scenario.fleet.items())))
    found = compare(scenario, settings, range(1, fleets + 1))
    return {
        "scenario": name,
        "about": scenario.about,
        "harmful": any(not scenario.keeps(stratum) for stratum in scenario.fleet),
        "fewest": min(found, key=lambda one: one.exposed.value).gate.value,
        "broken": found[0].false_back.low > scenario.policy.alpha_harm,
        "gates": [row(one, settings) for one in found],
    }


def summary(runs: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    """In how many scenarios our gate exposes fewest: of the headline, and of all harmful ones."""
    mine = [one["scenario"] for one in runs if one["fewest"] == Name.OURS and one["harmful"]]
    return {
        "headline": f"{len(set(mine) & set(HEADLINE))} of {len(HEADLINE)}",
        "harmful": f"{len(mine)} of {sum(one['harmful'] for one in runs)}",
    }


@cache
def _settings(fleet: tuple[tuple[str, int], ...]) -> dict[Name, Setting]:
    """Shipped scenarios have one policy: those of the same fleet share how rivals are set."""
    good = load_scenario(shipped()["good"]).model_copy(update={"fleet": dict(fleet)})
    calibration = Calibration(good, FLEETS, float(os.environ.get("SOAK_ALARMS", ALARMS)))
    return {name: calibration.setting(name) for name in Name if name is not Name.OURS}


if __name__ == "__main__":
    sys.exit(soak("rollout_simulation", run, runs=len(SCENARIOS), summary=summary))
