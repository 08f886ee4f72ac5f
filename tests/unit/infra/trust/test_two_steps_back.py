"""Back over two releases at night: who has had the newest one can still reach the oldest."""

from typing import Any

from producers.device.engine import Engine
from schemas.records import AckState as A
from schemas.records import ReleaseKind as K
from tests.trust_company import Company
from tests.unit.infra.trust.road import Road
from tests.unit.producers.device import kit

R3 = kit.sha(kit.tiny_model(tag="r3"))


def third(company: Company, **stage: Any) -> Road:
    """Two devices on r2, completed over r1; r3 comes to all."""
    road = Road(company, **stage)
    road.take("r1", None)
    road.take("r2", "r1")
    road.announce("r3", parent_release_id="r2")
    road.vouch("r3")
    road.stage.play(5.5)
    return road


def test_one_order_after_the_other_leads_from_the_third_release_to_the_first(
    company: Company,
) -> None:
    road = third(company)
    road.order_back("r3", "r2")  # by the other slot, which has it
    road.stage.play(3)
    assert (road.stage.running(), road.counters()) == (["r2"] * 2, {b"6"})
    road.order_back("r2", "r1")  # in no slot any more
    road.stage.play(6)
    assert (road.stage.running(), road.counters()) == (["r1"] * 2, {b"7"})


def test_both_ordered_back_at_once_lead_there_too(company: Company) -> None:
    road = third(company)
    assert road.stage.running() == ["r3"] * 2
    road.order_back("r2", "r1")
    road.order_back("r3", "r2")
    road.stage.play(6)
    assert (road.stage.running(), road.counters()) == (["r1"] * 2, {b"7"})
    road.take("r4", "r1")


def test_a_device_that_left_the_third_by_itself_obeys_when_the_second_is_ordered_back(
    company: Company,
) -> None:
    def broken(_: str, body: bytes, digest: str, clock: Any) -> Engine:
        if digest == R3:
            raise LookupError("this runtime does not load it")
        return Engine(body, digest, cpu_clock=clock)

    road = third(company, runtime=broken)
    assert road.ends()[-2:] == [("r3", A.REVERTED, "DOES_NOT_LOAD")] * 2
    road.stage.log.must("r3", K.HELD)
    road.order_back("r2", "r1")
    road.stage.play(6)
    assert road.stage.running() == ["r1"] * 2


def test_the_way_back_stands_while_the_next_release_is_vouched_for_and_not_open(
    company: Company,
) -> None:
    road = Road(company)
    road.take("r1", None)
    road.take("r2", "r1")
    road.announce("r3", share=None, parent_release_id="r2")
    road.vouch("r3")
    for device in road.stage.fleet.devices:
        device.flash.slots = device.flash.slots.empty_standby()
    road.order_back("r2", "r1")
    road.stage.play(6)
    assert (road.stage.running(), road.counters()) == (["r1"] * 2, {b"7"})


def test_a_third_step_is_a_new_release_of_the_same_bytes(company: Company) -> None:
    road = third(company)
    road.stage.log.must("r3", K.COMPLETED)
    road.take("r4", "r3")
    for lost, to in (("r4", "r3"), ("r3", "r2"), ("r2", "r1")):
        road.order_back(lost, to)
        road.stage.play(6)
    assert road.stage.running() == ["r2"] * 2
    assert road.ends()[-1] == ("r1", A.REJECTED, "COUNTER_ROLLBACK")
    road.announce("r5", bytes_of="r1", parent_release_id="r1")
    road.vouch("r5")
    road.stage.play(8)
    assert road.stage.running() == ["r5"] * 2
    assert {one.engine and one.engine.digest for one in road.stage.fleet.devices} == {
        kit.sha(kit.tiny_model(tag="r1"))
    }
