"""An order to erase, and how far it is: the newest of a device is what counts."""

from datetime import UTC, datetime

from consumers.erasure.steps import Progress, Step
from infra.erasures import State, order, statuses
from schemas.facts import Fact
from schemas.records import Erasure


def fact(record: Erasure, stamp_us: int) -> Fact:
    return Fact(topic="erasures", partition=0, offset=stamp_us, stamp_us=stamp_us, record=record)


def test_the_id_of_an_order_tells_nothing_of_the_device_and_differs_each_time() -> None:
    first, second = (order("dev-1", by="a", reason="r", now_us=now) for now in (1, 2))
    assert "dev-1" not in first.event_id
    assert first.event_id != second.event_id
    assert (first.device_id, first.by, first.reason) == ("dev-1", "a", "r")


def test_the_newest_order_of_each_device_is_told_with_its_state() -> None:
    old, new, other = (
        order(device, by="a", reason="r", now_us=now)
        for device, now in (("d", 1), ("d", 2), ("x", 3))
    )
    begun = Progress(
        step=Step(erasure_id=new.event_id, device_id="d"), completed_at=None, records={}
    )
    done = Progress(
        step=Step(erasure_id=other.event_id, device_id="x"),
        completed_at=datetime(2026, 1, 1, tzinfo=UTC),
        records={"devices": 1},
    )
    facts = [fact(old, 10), fact(new, 20), fact(other, 30)]
    found = statuses(facts, {new.event_id: begun, other.event_id: done})
    assert [(each.order, each.until_us, each.state) for each in found] == [
        (new, 20, State.UNDER_WAY),
        (other, 30, State.DONE),
    ]
    assert statuses(facts[:1], {})[0].state is State.REQUESTED
