"""The distance of a soak: a fleet that stands still shows nothing, however long it does."""

from typing import Any, Final

import pytest

from schemas.topics import INFERENCE_EVENTS
from streams.rollout import waves
from streams.rollout.rules import MetricRules, RateRule, ShareRule
from tests.rollout_desk import POLICY, Desk

DRIVING: Final = POLICY.model_copy(
    update={"soak_km": 5.0, "metrics": MetricRules(disengagements=RateRule())}
)


def committed() -> Desk:
    """A first wave whose devices have all committed."""
    desk = Desk(DRIVING)
    desk.started(strata=("HW3",))
    desk.count("HW3", accepted=200, committed=200)
    return desk


def drive(desk: Desk, metres: float) -> None:
    """So far in all, told by two partitions; and the soak's time is over."""
    for partition in range(2):
        told: dict[str, Any] = {"topic": INFERENCE_EVENTS.name, "source_partition": partition}
        desk.count("HW3", exposure_m=metres / 2, **told)
    desk.wait(12)


def test_each_wave_waits_for_a_distance_of_its_own() -> None:
    desk = committed()
    drive(desk, 3_999.0)
    assert desk.turn() == []
    assert waves.missing(desk.standing(), "HW3")[0] == "2 more km driven with it"
    drive(desk, 5_000.0)
    assert desk.turn() == ["WAVE_OPENED HW3"]
    assert desk.book.releases["r2"].strata["HW3"].driven_m == 5_000.0
    drive(desk, 9_999.0)
    assert desk.turn() == []
    drive(desk, 10_000.0)
    assert desk.turn() == ["WAVE_OPENED HW3"]


def test_a_wave_that_is_not_driven_is_widened_and_then_held_for_that_reason() -> None:
    desk, said = committed(), list[str]()
    drive(desk, 1_000.0)
    while not said or said[-1] != "HELD HW3":
        assert len(said) < 20
        desk.wait(31)
        said += desk.turn()
    assert set(said[:-1]) == {"WAVE_EXTENDED HW3"}
    assert "4 more km driven with it" in desk.book.releases["r2"].strata["HW3"].reason


@pytest.mark.parametrize("metrics", [MetricRules(), MetricRules(latency=ShareRule())])
def test_a_fleet_that_no_rate_is_tested_for_need_not_drive(metrics: MetricRules) -> None:
    assert DRIVING.soak_m == 5_000.0
    assert DRIVING.model_copy(update={"metrics": metrics}).soak_m == 0.0
