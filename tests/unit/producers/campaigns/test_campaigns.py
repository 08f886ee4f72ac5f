"""Campaigns: who is asked, what may be spent, and what is refused before it is published."""

from dataclasses import replace

import pytest

from producers.campaigns.book import CampaignBook
from producers.campaigns.collecting import Collecting
from producers.campaigns.demand import (
    BYTES_PER_DEVICE_HOUR,
    CASE_BYTES,
    FloodError,
    demand,
    uplink_limit,
)
from producers.scenario.equipment import Triggers
from schemas.cohorts import membership
from schemas.facts import Fact
from schemas.records import CollectionCampaign, Trigger
from schemas.topics import EDGE_CASES
from tests.unit.producers.campaigns.test_campaign_predicate import SEEN
from tests.unit.producers.device import kit
from tests.unit.producers.device.fleet_kit import Stage
from tests.unit.producers.device.test_device_telemetry import edge_cases, seen

HOUR_US = 3_600_000_000


def campaign(name: str = "night", **changes: object) -> CollectionCampaign:
    made = CollectionCampaign(
        event_id=f"{name}/1",
        source="live",
        campaign_id=name,
        predicate='light == "NIGHT"',
        share=1.0,
        salt="s",
        quota=100,
        expires_ts=kit.NOW + HOUR_US,
        uplink_bytes_limit=1_000_000,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def book(*records: CollectionCampaign) -> CampaignBook:
    made = CampaignBook()
    for record in records:
        made.observe(record)
    return made


def wanting(found: CampaignBook, device: str = "d", now_us: int = kit.NOW) -> str | None:
    one = Collecting(device, found).wanting(SEEN, now_us)
    return None if one is None else one.record.campaign_id


def test_a_device_collects_while_the_campaign_is_open_and_its_predicate_holds() -> None:
    assert wanting(book(campaign())) == "night"
    assert wanting(book(campaign(predicate="flips > 9"))) is None
    assert wanting(book(campaign()), now_us=kit.NOW + HOUR_US) is None
    assert wanting(book(campaign(), campaign(expires_ts=kit.NOW))) is None, "stopped"
    assert wanting(book(campaign(predicate="flips > 9"), campaign())) == "night", "newest counts"


def test_the_share_of_the_fleet_is_by_hash_and_differs_by_salt() -> None:
    names = [f"dev-{at}" for at in range(2_000)]
    half = book(campaign(share=0.5))
    asked = {name for name in names if wanting(half, name)}
    assert asked == {name for name in names if membership("s", name) < 0.5}
    assert 900 < len(asked) < 1_100
    other = {name for name in names if wanting(book(campaign(share=0.5, salt="t")), name)}
    assert 400 < len(asked & other) < 600
    assert not any(wanting(book(campaign(share=0.0)), name) for name in names)


def test_a_campaign_that_is_not_understood_collects_nothing_and_says_so() -> None:
    found = book(campaign(predicate="brightness < 1"), campaign("b"))
    assert wanting(found) == "b"
    assert list(found.unreadable) == ["night"]
    found.observe(campaign())
    assert found.unreadable == {}


def test_quota_is_of_all_and_bytes_are_of_each_device() -> None:
    found = book(campaign(quota=3, uplink_bytes_limit=20))
    one, two = Collecting("a", found), Collecting("b", found)
    for device in (one, one):
        taken = device.wanting(SEEN, kit.NOW)
        assert taken is not None
        device.sent(taken, 10)
    assert one.wanting(SEEN, kit.NOW) is None, "its bytes are spent"
    last = two.wanting(SEEN, kit.NOW)
    assert last is not None
    two.sent(last, 10)
    assert two.wanting(SEEN, kit.NOW) is None, "the quota is reached"


def test_a_campaign_that_would_flood_the_uplink_is_refused_with_the_arithmetic() -> None:
    asked = demand(10_000, 0.5, 48, 6.0)
    assert asked.bytes_per_device_hour == pytest.approx(10_000 * CASE_BYTES / 24 / 6)
    with pytest.raises(FloodError, match=r"10000 x 16384 bytes / 24\.0 devices / 6 h = 1137778"):
        uplink_limit(asked, 10_000, (), kit.NOW)
    with pytest.raises(FloodError, match=r"3 active devices x share 0\.1 = 0\.30 devices"):
        demand(10, 0.1, 3, 1.0)


def test_open_campaigns_take_their_part_of_the_uplink_and_ended_ones_do_not() -> None:
    asked = demand(24, 1.0, 24, 1.0)
    full = campaign(uplink_bytes_limit=BYTES_PER_DEVICE_HOUR)
    with pytest.raises(FloodError, match="left are 0 of"):
        uplink_limit(asked, 24, [full], kit.NOW)
    assert uplink_limit(asked, 24, [full], full.expires_ts) == 2 * CASE_BYTES
    assert uplink_limit(asked, 24, (), kit.NOW) == 2 * CASE_BYTES


@pytest.mark.parametrize(("random_share", "why"), [(0.0, Trigger.CAMPAIGN), (1.0, Trigger.RANDOM)])
def test_the_control_sample_stays_apart_from_campaigns(random_share: float, why: Trigger) -> None:
    cases = edge_cases(kit.Album(), Triggers(random_share=random_share), kit.who(), campaign())
    (case,) = cases.consider(seen(3, flips=9), kit.NOW)
    assert case.trigger is why
    assert case.campaign_id == ("night" if why is Trigger.CAMPAIGN else None)


def test_devices_send_what_a_campaign_on_the_log_asks_until_its_quota() -> None:
    quiet = {"random_share": 0.0, "confidence_below": 0.0, "margin_below": 0.0}
    stage = Stage(devices={"HW3": 6}, triggers={**quiet, "flips_at_least": 99})
    stage.release("r1")
    stage.play(10)
    assert stage.outbox.on(EDGE_CASES) == []
    record = campaign(predicate='device_class == "VEHICLE"', quota=7)
    asked = Fact(
        topic="collection-campaigns", partition=0, offset=0, stamp_us=stage.now, record=record
    )
    stage.fleet._follow([asked])
    stage.play(30)
    sent = stage.outbox.on(EDGE_CASES)
    assert len(sent) == 7
    assert {(one.trigger, one.campaign_id) for one in sent} == {(Trigger.CAMPAIGN, "night")}
