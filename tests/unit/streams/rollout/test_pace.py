"""A wave reaches its devices at a rate: one record, obeyed by each device alone."""

from collections import Counter
from typing import Final

import pytest

from schemas.pacing import Pace
from schemas.records import CommandKind, DeviceClass
from schemas.records import ReleaseKind as K
from schemas.topics import DEVICES, MODEL_RELEASES
from streams.rollout.policy import Policy
from tests import factories
from tests.rollout_desk import POLICY as DESK_POLICY
from tests.rollout_desk import Desk
from tests.rollout_log import SECOND, Log, evidence
from tests.rollout_world import DEMO_POLICY, World

MINUTE: Final = 60 * SECOND
FLEET: Final = 6_000
RATE: Final = 50


def paced(share: float, rate: int = RATE, devices: int = FLEET) -> Log:
    """r1 is open to a share of so many devices of HW3, at so many a minute."""
    log = Log()
    log.propose("r1")
    log.must("r1", K.VERIFIED, K.APPROVED)
    counted = evidence(thresholds={"devices.HW3": float(devices)})
    log.must("r1", K.WAVE_OPENED, wave=0, share=share, rate_per_min=rate, evidence=counted)
    return log


def takers(log: Log, after_us: int, devices: int = FLEET) -> set[str]:
    """Devices that are to run r1 so long after the last record."""
    names = [f"d{number}" for number in range(devices)]
    return {
        name
        for name in names
        if log.book.target(
            name, DeviceClass.VEHICLE, "HW3", None, now_us=log.now + after_us
        ).release_id
        == "r1"
    }


def test_a_wave_reaches_so_many_devices_a_minute_and_then_all_of_them() -> None:
    log = paced(0.5)
    new = Counter[int]()
    before: set[str] = set()
    for minute in range(62):
        now = takers(log, minute * MINUTE)
        assert before <= now, "nobody is sent away again"
        new[minute], before = len(now - before), now
    assert new[0] == 0
    assert 0.7 * RATE < sum(new[at] for at in range(1, 61)) / 60 < 1.3 * RATE
    assert max(new.values()) < 2 * RATE
    assert new[61] == 0, "the wave is whole"
    assert abs(len(before) / FLEET - 0.5) < 0.03
    assert log.book.releases["r1"].strata["HW3"].delivered_us == log.now + 60 * MINUTE


def test_what_is_widened_before_it_was_whole_goes_on_from_where_it_was() -> None:
    log = paced(0.5)
    log.now += 10 * MINUTE - SECOND
    counted = evidence(thresholds={"devices.HW3": float(FLEET)})
    log.must("r1", K.WAVE_EXTENDED, wave=0, share=0.9, rate_per_min=100, evidence=counted)
    view = log.book.releases["r1"].strata["HW3"]
    assert view.pace is not None
    assert view.pace.first == pytest.approx(10 * RATE / FLEET)
    assert view.reached(log.now + MINUTE) == pytest.approx((10 * RATE + 100) / FLEET)


def test_while_it_is_held_nobody_is_reached_and_after_it_not_all_at_once() -> None:
    log = paced(0.5)
    log.now += 10 * MINUTE - SECOND
    log.must("r1", K.HELD)
    log.now += 30 * MINUTE
    assert takers(log, 0) == set()
    log.must("r1", K.RESUMED)
    view = log.book.releases["r1"].strata["HW3"]
    assert view.reached(log.now) == pytest.approx(10 * RATE / FLEET)
    assert view.reached(log.now + MINUTE) == pytest.approx(11 * RATE / FLEET)


def test_a_device_knows_when_it_will_be_reached() -> None:
    log = paced(0.5)
    in_wave = takers(log, 61 * MINUTE)
    for name in sorted(in_wave)[:50]:
        due_us = log.book.reaches_us(name, DeviceClass.VEHICLE, "HW3", log.now)
        assert due_us is not None
        early, late = due_us - 1_000 - log.now, due_us + 1_000 - log.now
        found = [
            log.book.target(name, DeviceClass.VEHICLE, "HW3", None, now_us=log.now + us).release_id
            for us in (early, late)
        ]
        assert found == [None, "r1"]
    away = next(name for name in (f"d{n}" for n in range(FLEET)) if name not in in_wave)
    assert log.book.reaches_us(away, DeviceClass.VEHICLE, "HW3", log.now) is None


def test_a_fleet_that_nobody_counted_has_no_rate_and_a_rollback_has_no_limit() -> None:
    log = paced(0.5, devices=0)
    assert abs(len(takers(log, 0)) / FLEET - 0.5) < 0.03
    assert Pace(0, 0.0, 0.1).reached(0.5, 10 * MINUTE) == 0.5


@pytest.mark.parametrize(
    ("committed", "rate"),
    [(0, 50), (999, 50), (1_000, 100), (4_999, 800), (5_000, 1_000), (10**9, 1_000)],
)
def test_the_rate_doubles_with_each_thousand_committed_up_to_a_limit(
    committed: int, rate: int
) -> None:
    assert Policy().rate(committed) == rate


def test_an_opening_says_its_rate_and_the_number_of_devices() -> None:
    desk = Desk()
    desk.count("HW3", topic=DEVICES.name, release_id="", offered=12_000)
    desk.started()
    opened = desk.log[-1].record
    assert (opened.kind, opened.rate_per_min) == (K.WAVE_OPENED, 50)
    assert opened.evidence.thresholds["devices.HW3"] == 12_000
    view = desk.book.releases["r2"].strata
    assert view["HW3"].pace == Pace(desk.now, 0.0, 50 / 12_000)
    assert view["HW4"].pace is None, "nobody has registered there"
    desk.order(CommandKind.EXTEND, stratum="HW3")
    desk.turn()
    assert desk.log[-1].record.rate_per_min == 50


def test_a_small_stratum_opens_by_itself_with_the_devices_that_show_something() -> None:
    policy = DESK_POLICY.model_copy(update={"waves": (0.01, 1.0)})
    desk = Desk(policy)
    for stratum, devices in (("HW3", 12_000), ("HW4", 200), ("AI5", 60)):
        desk.count(stratum, topic=DEVICES.name, release_id="", offered=devices)
    desk.propose()
    desk.order(CommandKind.APPROVE)
    desk.wait(1)
    assert [f"WAVE_OPENED {name}" for name in ("HW3", "HW4", "AI5")] == desk.turn()[-3:]
    shares = {name: at.share for name, at in desk.book.releases["r2"].strata.items()}
    assert shares == {"HW3": 0.01, "HW4": 0.25, "AI5": policy.exposure_budget}


def test_a_wave_soaks_from_when_it_has_reached_its_last_device() -> None:
    desk = Desk()
    desk.count("HW3", topic=DEVICES.name, release_id="", offered=3_000)
    desk.started()
    desk.judged("HW3", 60)
    desk.judged("HW4", 60)
    desk.wait(11)
    assert desk.turn() == ["WAVE_OPENED HW4"], "a tenth of 3,000 devices takes six minutes"
    desk.wait(360)
    assert "WAVE_OPENED HW3" in desk.turn()


def test_the_gate_counts_the_devices_that_registered() -> None:
    policy = DEMO_POLICY.model_copy(update={"rate_per_min": 600, "rate_limit_per_min": 600})
    world = World(fleet={"HW3": 120}, policy=policy)
    for device in world.devices:
        world.logs.append(DEVICES, factories.device(device_id=device.device_id, hardware="HW3"))
    world.run(1)
    world.propose("r1", 1)
    world.run(3)
    opened = next(one for one in world.decisions("r1") if one.kind is K.WAVE_OPENED)
    assert opened.evidence is not None
    assert opened.evidence.thresholds["devices.HW3"] == 120
    assert sum(record.kind is K.WAVE_OPENED for _, record in world.logs.records[_RELEASES]) == 1


_RELEASES: Final = (MODEL_RELEASES.name, 0)
