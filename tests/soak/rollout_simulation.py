"""`make soak NAME=rollout_simulation`: every shipped scenario through every gate.

Each run is one scenario, SOAK_RUNS of them from the SOAK_SEED-th on, each with SOAK_FLEETS fleets
(50). A promise is broken when our gate orders back more releases that keep to the ceiling than
alpha_harm allows (the interval's lower end is above it). build/soak/rollout_simulation.json has
the tables; docs/rollout-simulation.md is written from it.
"""

import os
import sys
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from infra.cli.rollout_simulate import FLEETS, row
from streams.rollout.simulation.calibration import Calibration, Setting
from streams.rollout.simulation.comparison import Summary, compare
from streams.rollout.simulation.gates import Name
from streams.rollout.simulation.scenario import load_scenario, shipped
from tests.soak.seeds import soak

SCENARIOS: Final = sorted(shipped().items())


def run(number: int) -> Mapping[str, Any]:
    """Play the scenario of a number, from 1."""
    name, path = SCENARIOS[number - 1]
    scenario = load_scenario(path)
    fleets = int(os.environ.get("SOAK_FLEETS", "50"))
    settings = _settings(tuple(sorted(scenario.fleet.items())))
    found = compare(scenario, settings, range(1, fleets + 1))
    mine, *others = found
    return {
        "scenario": name,
        "about": scenario.about,
        "harmful": any(not scenario.keeps(stratum) for stratum in scenario.fleet),
        "fewest": _fewest(mine, others),
        "broken": mine.false_back.low > scenario.policy.alpha_harm,
        "gates": [row(one, settings) for one in found],
    }


def summary(runs: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    """In how many harmful scenarios our gate exposes fewest."""
    harmful = [one for one in runs if one["harmful"]]
    return {"harmful": len(harmful), "fewest": sum(one["fewest"] for one in harmful)}


def _fewest(mine: Summary, others: list[Summary]) -> bool:
    return all(mine.exposed.value <= other.exposed.value for other in others)


@cache
def _settings(fleet: tuple[tuple[str, int], ...]) -> dict[Name, Setting]:
    """Shipped scenarios have one policy: those of the same fleet share how rivals are set."""
    good = load_scenario(shipped()["good"])
    calibration = Calibration(good.model_copy(update={"fleet": dict(fleet)}), FLEETS)
    return {name: calibration.setting(name) for name in Name if name is not Name.OURS}


if __name__ == "__main__":
    sys.exit(soak("rollout_simulation", run, runs=len(SCENARIOS), summary=summary))
