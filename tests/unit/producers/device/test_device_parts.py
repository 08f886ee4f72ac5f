"""The small parts of a device: slots, health, schedule, conditions, ids, storage."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.device.conditions import conditions, hindrance, is_away
from producers.device.flash import MAX_ATTEMPTED, Flash, Tried
from producers.device.flash_json import FlashError, from_json, to_json
from producers.device.health import DEADLINE_MISSES, HEALTHY, NO_ANSWER, HealthWindow
from producers.device.identity import EventIds, fraction, next_boot
from producers.device.schedule import Schedule
from producers.device.slots import SlotError, Slots
from producers.scenario.equipment import Owners, Updates
from schemas.records import Preconditions, Slot
from schemas.topics import EDGE_CASES, OTA_ACKS
from tests.unit.producers.device.kit import NOW, READY, SECOND, model

R1, R2 = model("r1"), model("r2")


def test_slots_install_beside_what_runs_and_commit() -> None:
    slots = Slots(a=R1).install(R2).boot_trial()
    assert (slots.running, slots.standby, slots.trial) == (R2, R1, True)
    assert slots.commit() == Slots(a=R1, b=R2, active=Slot.B)


def test_slots_go_back_and_empty_what_they_leave() -> None:
    assert Slots(a=R1).install(R2).boot_trial().switch_back() == Slots(a=R1)
    assert Slots().install(R1).boot_trial().switch_back() == Slots()


@pytest.mark.parametrize(
    "step",
    [
        lambda: Slots(a=R1).boot_trial(),
        lambda: Slots(a=R1).commit(),
        lambda: Slots(a=R1).install(R2).boot_trial().boot_trial(),
        lambda: Slots(a=R1).install(R2).boot_trial().install(R1),
    ],
)
def test_slots_refuse_what_would_lose_the_way_back(step: Any) -> None:
    with pytest.raises(SlotError):
        step()


@pytest.mark.parametrize(
    ("frames", "verdict"),
    [
        ("", None),
        ("gg", None),
        ("ggg", HEALTHY),
        ("wwww", None),
        ("wggg", HEALTHY),
        ("ggll", HEALTHY),
        ("glll", DEADLINE_MISSES),
        ("mmm", NO_ANSWER),
        ("wmmm", NO_ANSWER),
        ("ggm", HEALTHY),
        ("gmmm", NO_ANSWER),
    ],
)
def test_health_is_judged_when_time_is_over_and_enough_frames_were_due(
    frames: str, verdict: str | None
) -> None:
    # g good, l late, m missing, w right after loading
    health = HealthWindow(Updates(health_s=2, health_frames=3), NOW)
    for kind in frames:
        health.observe(produced=kind != "m", judged=kind in "gl", late=kind == "l")
    assert health.verdict(NOW + 2 * SECOND - 1) is None
    assert health.verdict(NOW + 2 * SECOND) == verdict


@given(st.lists(st.floats(0, 0.999), min_size=1, max_size=20), st.integers(1, 50))
def test_a_schedule_gives_every_device_one_frame_a_round(phases: list[float], limit: int) -> None:
    schedule = Schedule(SECOND, phases, NOW)
    taken: list[int] = []
    while found := schedule.take(NOW + 5 * SECOND - 1, limit):
        assert len(found) <= min(limit, len(phases))
        taken += found
    assert sorted(taken) == sorted(list(range(len(phases))) * 5)


def test_a_shift_makes_frames_later_and_loses_none() -> None:
    schedule = Schedule(SECOND, [0.0, 0.5], NOW)
    late = NOW + 10 * SECOND
    assert schedule.lag_us(late) == 10 * SECOND
    schedule.shift(schedule.lag_us(late))
    assert schedule.take(late, 10) == [0]
    assert schedule.next_due_us == late + SECOND // 2
    assert schedule.lag_us(late) == 0


@pytest.mark.parametrize(
    ("needed", "held", "reason"),
    [
        (Preconditions(parked=True, min_state_of_charge=0.9, network="WIFI"), {}, None),
        (Preconditions(parked=True, min_state_of_charge=0, network="any"), {"parked": False},
         "NOT_PARKED"),
        (Preconditions(parked=False, min_state_of_charge=0.91, network="any"), {}, "LOW_CHARGE"),
        (Preconditions(parked=False, min_state_of_charge=0, network="any"), {"network": "NONE"},
         "NO_NETWORK"),
        (Preconditions(parked=False, min_state_of_charge=0, network="cellular"), {}, None),
        (Preconditions(parked=False, min_state_of_charge=0, network="NONE"), {"network": "NONE"},
         None),
        (Preconditions(parked=False, min_state_of_charge=0, network="STARLINK"),
         {"network": "CELLULAR"}, "NO_NETWORK"),
    ],
)  # fmt: skip
def test_hindrance_names_the_first_precondition_that_does_not_hold(
    needed: Preconditions, held: dict[str, Any], reason: str | None
) -> None:
    assert hindrance(needed, replace(READY, **held)) == reason


def test_conditions_are_the_same_in_every_run_and_within_the_owners_limits() -> None:
    owners = Owners(charge_low=0.6, parked=0.5)
    found = [conditions(owners, 1, f"d{index}", NOW) for index in range(200)]
    assert found == [conditions(owners, 1, f"d{index}", NOW) for index in range(200)]
    assert all(0.6 <= one.state_of_charge <= 1 for one in found)
    assert 70 < sum(one.parked for one in found) < 130
    assert {one.network for one in found} == {"WIFI", "CELLULAR"}


def test_away_devices_vanish_for_their_share_of_the_time() -> None:
    owners = Owners(away=0.5, away_every_s=60, away_for_s=20)
    gone = [
        sum(is_away(owners, 1, f"d{index}", second * SECOND) for second in range(60))
        for index in range(100)
    ]
    assert set(gone) == {0, 20}
    assert 30 < gone.count(20) < 70


def test_event_ids_count_by_topic() -> None:
    ids = EventIds("d", 5)
    assert [ids.next(OTA_ACKS), ids.next(OTA_ACKS), ids.next(EDGE_CASES)] == ["d/5/0", "d/5/1",
                                                                              "d/5/0"]  # fmt: skip


@pytest.mark.parametrize(
    ("stored", "seconds", "boot"),
    [(None, 100, 100), (50, 100, 100), (100, 100, 101), (900, 1, 901)],
)
def test_a_boot_is_always_higher_even_when_the_clock_or_the_storage_was_lost(
    stored: int | None, seconds: int, boot: int
) -> None:
    assert next_boot(stored, seconds) == boot


def test_fractions_are_uniform_and_never_one() -> None:
    found = [fraction("x", index) for index in range(2000)]
    assert all(0 <= one < 1 for one in found)
    assert sum(found) / 2000 == pytest.approx(0.5, abs=0.03)


def test_storage_comes_back_as_it_was() -> None:
    trial = Slots(a=R1).install(R2).boot_trial()
    tried = {"r2": Tried(attempt=2, acks=5)}
    kept = Flash(boot=3, registered_ts=NOW, encounters=4, slots=trial, tried=tried)
    empty = Flash(boot=1, registered_ts=NOW)
    both = {"d1": kept, "d2": empty}
    assert from_json(to_json(both)) == both


@pytest.mark.parametrize("body", [b"", b"[]", b'{"d": {}}', b'{"d": {"boot": 1}}', b"\xff"])
def test_storage_that_cannot_be_read_is_named(body: bytes) -> None:
    with pytest.raises(FlashError, match="not readable"):
        from_json(body)


def test_a_device_remembers_a_limited_number_of_releases() -> None:
    kept = Flash(boot=1, registered_ts=NOW)
    for number in range(MAX_ATTEMPTED + 5):
        kept.remember(f"r{number}", Tried(attempt=1))
    assert len(kept.tried) == MAX_ATTEMPTED
    assert "r0" not in kept.tried
    assert f"r{MAX_ATTEMPTED + 4}" in kept.tried
