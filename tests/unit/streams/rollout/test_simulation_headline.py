"""A sample of the comparison: few fleets, rivals set about as the whole table has them."""

from typing import Any, Final

import pytest

from streams.rollout.simulation.calibration import Calibration, Setting
from streams.rollout.simulation.comparison import Summary, compare
from streams.rollout.simulation.gates import Name
from streams.rollout.simulation.scenario import load_scenario, shipped
from tests.soak.rollout_simulation import HEADLINE
from tests.soak.simulation_page import tables

DAY_S: Final = 86_400.0
SEEDS: Final = range(3_000_001, 3_000_004)
SETTINGS: Final = {
    Name.HAWKBIT: Setting(0.07, DAY_S, 0.01),
    Name.AWS: Setting(0.07, DAY_S, 0.01),
    Name.ARGO: Setting(0.08, DAY_S, 0.01),
    Name.FLAGGER: Setting(0.1, DAY_S, 0.0),
    Name.KAYENTA: Setting(0.5, DAY_S, 0.0),
    Name.MENDER: Setting(1e9, DAY_S, 0.0),
}


@pytest.fixture(scope="module")
def played() -> dict[str, dict[Name, Summary]]:
    """Every scenario of the headline with one generation, through every gate."""
    scenarios = {name: load_scenario(shipped()[name]) for name in HEADLINE}
    return {
        name: {found.gate: found for found in compare(scenario, SETTINGS, SEEDS)}
        for name, scenario in scenarios.items()
        if len(scenario.fleet) == 1
    }


def worst(played: dict[str, dict[Name, Summary]], gate: Name) -> float:
    """How many times as many failing devices a gate exposes as the best one, where it is worst.

    But for silence, to which every rule that waits for reports is blind.
    """
    return max(
        found[gate].exposed.value / min(one.exposed.value for one in found.values())
        for name, found in played.items()
        if name != "silence"
    )


def test_where_ours_is_worst_it_exposes_little_more_than_the_best(
    played: dict[str, dict[Name, Summary]],
) -> None:
    assert worst(played, Name.OURS) == pytest.approx(2.2, abs=0.1), f"seeds {SEEDS}"


@pytest.mark.parametrize("rival", SETTINGS)
def test_each_rival_is_worse_somewhere_than_ours_is_anywhere(
    played: dict[str, dict[Name, Summary]], rival: Name
) -> None:
    assert worst(played, rival) > 1.5 * worst(played, Name.OURS), f"seeds {SEEDS}"


def test_ours_exposes_fewest_in_these_kinds_of_faults(
    played: dict[str, dict[Name, Summary]],
) -> None:
    """Of nine, with three fleets; docs/rollout-simulation.md says where another rule wins."""
    fewest = {
        name
        for name, found in played.items()
        if found[Name.OURS].exposed.value == min(one.exposed.value for one in found.values())
    }
    assert fewest == {"failures_late", "fifth_away", "silence", "drift", "heavy_tail"}


def test_a_rule_that_needs_reports_is_blind_to_silence_and_ours_is_not(
    played: dict[str, dict[Name, Summary]],
) -> None:
    told = played["silence"]
    assert told[Name.HAWKBIT].full.value == told[Name.MENDER].full.value == 1.0
    assert told[Name.OURS].full.value == 0.0
    assert told[Name.OURS].exposed.value < told[Name.HAWKBIT].exposed.value / 10


@pytest.mark.parametrize(
    "name", ["good", "good_failures_first", "good_fifth_away", "good_heavy_tail"]
)
def test_a_good_release_reaches_everybody_and_nobody_is_asked(name: str) -> None:
    (mine,) = compare(load_scenario(shipped()[name]), {}, SEEDS)
    assert (mine.full.value, mine.held.value, mine.false_back.value) == (1.0, 0.0, 0.0), name


def test_a_rival_is_set_to_our_time_and_to_as_few_false_alarms() -> None:
    good = load_scenario(shipped()["good"])
    calibration = Calibration(good, fleets=20)
    setting = calibration.setting(Name.ARGO)
    assert setting.alarms <= 0.01
    assert good.policy.ceiling <= setting.threshold <= 10 * good.policy.ceiling
    (_, theirs) = compare(good, {Name.ARGO: setting}, [1, 2])
    assert theirs.full_median_s == pytest.approx(calibration.target_s, abs=0.1 * DAY_S)


def test_one_headline_scenario_stands_for_each_kind_of_fault() -> None:
    assert len(set(HEADLINE.values())) == len(HEADLINE) == 10
    for name in HEADLINE:
        scenario = load_scenario(shipped()[name])
        assert any(not scenario.keeps(stratum) for stratum in scenario.fleet), name


def test_the_tables_mark_the_fewest_whoever_has_them() -> None:
    def gate(name: Name, exposed: float) -> dict[str, Any]:
        return {
            "gate": name.value,
            "runs": 7,
            "exposed_failing": exposed,
            "exposed_95": [exposed - 1, exposed + 1],
            "false_rollbacks": 0.0,
            "false_holds": 0.25,
            "held": 0.5,
            "threshold": None,
            "days_between_waves": None,
            "days_to_all": 4.0,
        }

    gates = [gate(name, 20.0 + at) for at, name in enumerate(Name)]
    run = {"scenario": "drift", "harmful": True, "fewest": Name.ARGO, "gates": gates}
    told = tables({"runs": [run], "headline": "0 of 10"})
    assert "**23.0** (22 to 24)" in told
    assert told.count("**") == 4
    assert "| `drift` | 0 / 25 |" in told
