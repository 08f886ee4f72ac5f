"""A release's tests by name: against its parent, by arm, and all together."""

import math
from typing import Any, Final

import pytest

from schemas.cohorts import held_back
from schemas.records import Arm, DeviceClass
from schemas.records import CommandKind as C
from schemas.topics import DISENGAGEMENTS, EDGE_CASES, INFERENCE_EVENTS
from streams.rollout.calendar_windows import KEPT, Calendar
from streams.rollout.evidence import Counts
from streams.rollout.judged import Judged, RateCounts
from streams.rollout.policy import Policy
from streams.rollout.rules import MetricRules, RateRule, ShareRule
from streams.rollout.standing import ReleaseStanding
from streams.rollout.waves import missing
from tests.rollout_desk import POLICY, Desk
from tests.rollout_log import SECOND

VEHICLE: Final = DeviceClass.VEHICLE
RATES: Final = POLICY.model_copy(
    update={
        "metrics": MetricRules(
            latency=ShareRule(), disengagements=RateRule(), edge_cases=RateRule(guard=True)
        ),
        "rate_window_s": 10.0,
        "lateness_s": 5.0,
        "soak_km": 0.0,
    }
)


def desk_of(policy: Policy = RATES) -> Desk:
    desk = Desk(policy)
    desk.propose("r1", counter=1, strata=("HW3",))
    desk.started("r2", counter=2, parent_release_id="r1", strata=("HW3",))
    return desk


def standing(desk: Desk, policy: Policy = RATES) -> ReleaseStanding:
    view = desk.book.releases["r2"]
    return ReleaseStanding(
        view=view,
        parent=desk.book.parent(view),
        tally=desk.tally,
        policy=policy,
        now_us=desk.tally.heard_us,
    )


def by_name(at: ReleaseStanding) -> dict[str, Judged]:
    return {test.metric.value: test for test in at.tests("HW3")}


def drive(desk: Desk, *, km: float, control_km: float, events: int, control_events: int) -> None:
    """One calendar window of both releases; then the next one is a second old."""
    start = Calendar.of(RATES).start(desk.now)
    for release, metres, happened in (
        ("r2", km * 1_000, events),
        ("r1", control_km * 1_000, control_events),
    ):
        told: dict[str, Any] = {"release_id": release, "arm": Arm.UNKNOWN, "window_start": start}
        desk.count("HW3", topic=INFERENCE_EVENTS.name, exposure_m=metres, **told)
        desk.count("HW3", topic=DISENGAGEMENTS.name, events=happened, **told)
    desk.wait((start - desk.now) / SECOND + 11)


def arms(desk: Desk, candidates: int, control: int) -> None:
    opened_us = desk.book.releases["r2"].strata["HW3"].openings[-1][0]
    for arm, devices in ((Arm.CANDIDATE, candidates), (Arm.CONTROL, control)):
        told: dict[str, Any] = {"arm": arm, "window_start": opened_us, "offered": devices}
        desk.count("HW3", topic=INFERENCE_EVENTS.name, **told)


def test_every_metric_of_the_policy_is_a_test_and_shares_one_error_rate() -> None:
    at = standing(desk_of())
    tests = by_name(at)
    assert [*tests] == ["updates", "latency", "disengagements", "edge_cases"]
    assert [test.guard for test in tests.values()] == [True, True, False, True]
    assert {test.harm_at for test in tests.values()} == {math.log(4 * 1 / 0.01)}


def test_a_first_release_has_no_rate_to_be_compared_with() -> None:
    desk = Desk(RATES)
    desk.started("r2", strata=("HW3",))
    at = standing(desk)
    assert [*by_name(at)] == ["updates", "latency"]
    assert at.log_harm_threshold == math.log(2 / 0.01)


def test_only_closed_windows_in_which_both_drove_are_compared() -> None:
    desk = desk_of()
    drive(desk, km=10, control_km=90, events=1, control_events=9)
    drive(desk, km=10, control_km=0, events=50, control_events=0)
    assert by_name(standing(desk))["disengagements"].counts == RateCounts(1, 10e3, 90e3, 1, 9)
    drive(desk, km=20, control_km=80, events=2, control_events=8)
    assert by_name(standing(desk))["disengagements"].counts == RateCounts(1, 10e3, 90e3, 1, 9)
    desk.wait(6)
    found = by_name(standing(desk))["disengagements"].counts
    assert found == RateCounts(2, 30e3, 170e3, 3, 17)
    assert isinstance(found, RateCounts)
    assert found.ratio == pytest.approx(1.0)


def test_a_rate_beyond_the_parents_orders_back_and_says_how_many_times() -> None:
    desk = desk_of()
    for _ in range(8):
        drive(desk, km=100, control_km=100, events=12, control_events=3)
        if (said := desk.turn()) != []:
            break
    assert said == ["ROLLBACK_ORDERED HW3"]
    reason = desk.book.releases["r2"].strata["HW3"].reason
    assert "disengagements: " in reason
    assert "4 times the parent's rate on the road at the same time" in reason


def test_evidence_of_a_rate_stays_crossed_when_calm_follows() -> None:
    desk = desk_of()
    for _ in range(8):
        drive(desk, km=100, control_km=100, events=12, control_events=3)
    for _ in range(30):
        drive(desk, km=100, control_km=100, events=0, control_events=12)
    assert by_name(standing(desk))["disengagements"].harmful


def test_safety_waits_for_every_guard_and_for_no_other() -> None:
    desk = desk_of()
    desk.judged("HW3", 60)
    at = standing(desk)
    assert by_name(at)["updates"].proven
    assert not at.proven("HW3"), "edge cases guard and are not proven"
    plain = RATES.model_copy(
        update={"metrics": MetricRules(latency=ShareRule(), edge_cases=RateRule())}
    )
    assert standing(desk, plain).proven("HW3")


def test_what_proof_is_missing_is_told_by_test() -> None:
    desk = desk_of()
    desk.judged("HW3", 20)
    desk.wait(11)
    assert desk.turn() == ["WAVE_OPENED HW3"]
    desk.wait(11)
    lacking = "proof of safety by updates and latency and edge_cases"
    assert missing(standing(desk), "HW3") == [lacking, "else it is widened in 19 s"]
    desk.judged("HW3", 60)
    assert missing(standing(desk), "HW3") == [
        "proof of safety by edge_cases",
        "else it is widened in 19 s",
    ]


def test_a_rate_well_below_the_margin_is_proven_safe() -> None:
    desk = desk_of()
    for _ in range(12):
        drive(desk, km=100, control_km=100, events=3, control_events=30)
    assert by_name(standing(desk))["disengagements"].proven


def test_a_release_older_than_the_windows_kept_has_no_rate_tested_on_the_rest() -> None:
    desk = desk_of()
    drive(desk, km=100, control_km=100, events=80, control_events=3)
    desk.wait(KEPT * 10)
    drive(desk, km=100, control_km=100, events=80, control_events=3)
    desk.wait(30)
    assert by_name(standing(desk))["disengagements"].counts == RateCounts()


def test_a_decision_records_every_test_by_name() -> None:
    desk = desk_of()
    desk.count("HW3", accepted=40, committed=12, failed=2)
    arms(desk, candidates=9, control=91)
    drive(desk, km=10, control_km=90, events=1, control_events=9)
    desk.wait(6)
    told = standing(desk).evidence("HW3", {}).thresholds
    assert (told["updates.n"], told["updates.failures_low"]) == (40, 2)
    assert (told["updates.ceiling"], told["disengagements.margin"]) == (0.1, 1.25)
    assert (told["disengagements.events"], told["disengagements.control_events"]) == (1, 9)
    assert told["edge_cases.harm"] == pytest.approx(400)
    assert told["edge_cases.e_safe"] == pytest.approx(1.0)
    assert (told["arms.candidates"], told["arms.control"], told["arms.share"]) == (9, 91, 0.1)
    assert told["arms.harm"] == pytest.approx(2_000)


def test_a_wave_that_lost_its_devices_is_held_once_for_a_person() -> None:
    desk = desk_of()
    arms(desk, candidates=100, control=880)
    found = standing(desk).sample_ratio_mismatch("HW3")
    assert found is not None
    assert (found.share, found.found) == (0.1, False)
    desk.wait(1)
    assert desk.turn() == []
    arms(desk, candidates=100, control=2_900)
    desk.wait(1)
    assert desk.turn() == ["HELD HW3"]
    reason = desk.book.releases["r2"].strata["HW3"].reason
    assert "100 of 3000 devices heard of since the wave was opened are in it, 10.00%" in reason
    desk.order(C.RESUME)
    desk.wait(1)
    assert desk.turn() == ["RESUMED HW3"]


def test_before_the_first_wave_there_is_no_ratio() -> None:
    desk = Desk(RATES)
    desk.propose("r2", strata=("HW3",))
    assert standing(desk).sample_ratio_mismatch("HW3") is None


def test_the_holdback_keeps_the_parent_until_the_release_is_completed() -> None:
    policy = POLICY.model_copy(update={"holdback": 0.2, "waves": (0.5, 1.0)})
    desk = Desk(policy)
    desk.started("r2", strata=("HW3",))
    devices = [f"d{number}" for number in range(400)]

    def running() -> set[str]:
        targets = {
            name: desk.book.target(name, VEHICLE, "HW3", None, now_us=desk.now) for name in devices
        }
        return {name for name, target in targets.items() if target.release_id == "r2"}

    desk.judged("HW3", 60)
    desk.wait(11)
    assert desk.turn() == ["WAVE_OPENED HW3"]
    view = desk.book.releases["r2"]
    assert view.strata["HW3"].share == 0.8
    kept = set(devices) - running()
    assert kept == {name for name in devices if held_back(view.proposal.salt, name, 0.2)}
    desk.order(C.EXTEND)
    desk.wait(31)
    assert desk.turn() == ["COMPLETED HW3"], "nobody is beyond the holdback to be extended to"
    assert running() == set(devices)


def test_rates_do_not_count_as_devices() -> None:
    desk = desk_of()
    drive(desk, km=10, control_km=90, events=40, control_events=9)
    desk.count("HW3", accepted=30, failed=1, committed=20)
    desk.wait(16)
    at = standing(desk)
    counts = by_name(at)["updates"].counts
    assert isinstance(counts, Counts)
    assert counts == Counts(30, 1, 10)
    assert by_name(at)["edge_cases"].counts == RateCounts(1, 10e3, 90e3, 0, 0)
    assert EDGE_CASES.name not in str(at.evidence("HW3", {}).thresholds)
