"""Simulated devices take what both repositories let them have, whatever a decision says."""

import json
from typing import Any

import pytest

from infra.trust.pinned import pinned_root
from producers.device.client.fleet_trust import from_json
from producers.device.client.layout import TRUST
from producers.device.client.memory_files import MemoryFiles
from producers.device.trust.state import TrustState
from producers.device.trust.store import TrustStateError
from schemas.records import AckState as A
from schemas.records import ReleaseKind as K
from tests.trust_company import Company
from tests.unit.infra.trust.road import Road

HW3: dict[str, Any] = {"strata": ("HW3",), "deadline_us": {"HW3": 50_000}}


def test_each_device_takes_what_is_signed_for_it_and_trusts_it_from_then_on(
    company: Company,
) -> None:
    road = Road(company, devices=6)
    road.announce("r1")
    road.vouch("r1")
    road.stage.play(5.5)
    assert road.ends() == [("r1", A.COMMITTED, "")] * 6
    assert road.counters() == {b"2"}
    saved = json.loads(road.trust.to_json())
    assert [len(names) for names in saved["devices"].values()] == [9] * 6
    assert len(saved["files"]) == 9  # once for all of them


def test_what_nobody_vouched_for_is_refused_and_asked_for_again_until_somebody_has(
    company: Company,
) -> None:
    road = Road(company)
    road.announce("r1")
    company.issue()
    road.stage.play(4)
    assert road.ends() == [("r1", A.REJECTED, "TARGET_NOT_FOUND")] * 2
    assert (road.stage.running(), road.counters()) == ([None] * 2, {None})
    road.vouch("r1")
    road.stage.play(12)
    assert road.ends()[2:] == [("r1", A.COMMITTED, "")] * 2
    assert road.stage.running() == ["r1"] * 2


def test_stolen_keys_of_trainer_and_gate_bring_no_other_file_into_a_device(
    company: Company,
) -> None:
    company.propose("r1", **HW3)
    company.log.must("r1", K.VERIFIED, K.APPROVED)
    company.log.must("r1", K.WAVE_OPENED, wave=0, share=1.0)
    company.issue()
    road = Road(company)
    road.announce("r1")
    road.stage.play(4)
    assert road.ends() == [("r1", A.REJECTED, "TARGET_MISMATCH")] * 2


@pytest.mark.parametrize(
    ("remembers", "reason"), [(True, "BAD_VERSION"), (False, "TARGET_NOT_FOUND")]
)
def test_a_fleet_that_is_started_again_cannot_be_led_back_behind_what_it_trusted(
    company: Company, remembers: bool, reason: str
) -> None:
    road = Road(company)
    road.take("r1", None)
    old = company.metadata()
    road.take("r2", "r1")
    road.restart(road.kept() if remembers else {})
    for name, data in old.items():
        company.objects.put_named(name, data)
    road.announce("r3", parent_release_id="r2")
    road.stage.play(4)
    assert set(road.ends()[4:]) == {("r3", A.REJECTED, reason)}


def test_a_root_that_a_device_has_come_to_trust_outlives_the_process(company: Company) -> None:
    who = Road(company).stage.fleet.devices[0].who
    trusted = MemoryFiles({})
    TrustState(trusted, TRUST).director.put("root", b"the Director's next")
    restarted = Road(company).provisioned({who.device_id: trusted.content})
    state = TrustState(restarted.belief(who).files, TRUST)
    assert state.director.get("root") == b"the Director's next"
    assert state.images.get("root") == pinned_root(company.keys_dir, "images")


def test_the_way_back_is_fetched_again_under_its_own_counter(company: Company) -> None:
    road = Road(company)
    road.take("r1", None)
    road.take("r2", "r1")
    for device in road.stage.fleet.devices:
        device.flash.slots = device.flash.slots.empty_standby()
    road.order_back("r2", "r1")
    road.stage.play(8)
    assert road.stage.running() == ["r1"] * 2
    assert road.counters() == {b"5"}


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"files": [], "devices": {"d": {"trust/x": 0}}}', b'{"files": 1}'],
)
def test_trust_that_cannot_be_read_is_named(body: bytes) -> None:
    with pytest.raises(TrustStateError, match="trust of the fleet: not readable"):
        from_json(body)
