"""Simulated devices take what both repositories let them have, whatever a decision says."""

import json
from typing import Any

import pytest

from infra.trust.pinned import pinned_roots
from producers.device.client.fleet_trust import FleetTrust, Kept, from_json
from producers.device.trust.places import sources
from producers.device.trust.store import TrustStateError
from schemas.records import AckState as A
from schemas.records import ReleaseKind as K
from schemas.topics import OTA_ACKS
from tests.trust_company import Company
from tests.unit.producers.device import kit
from tests.unit.producers.device.fleet_kit import Stage

COUNTER = "trust/release-counter.json"
ENDS = (A.COMMITTED, A.REVERTED, A.INSTALL_FAILED, A.REJECTED)
HW3: dict[str, Any] = {"strata": ("HW3",), "deadline_us": {"HW3": 50_000}}


class Road:
    """A fleet of a company: one log, one object store, and trust of its own in each device."""

    def __init__(self, company: Company, devices: int = 2) -> None:
        self.company = company
        self.trust = self.provisioned({})
        self.stage = Stage(admission=self.trust.admission, devices={"HW3": devices})
        company.log = self.stage.log

    def provisioned(self, kept: Kept) -> FleetTrust:
        roots = pinned_roots(self.company.keys_dir)
        assert roots is not None
        return FleetTrust(sources(self.company.objects), roots, kept)

    def restart(self, kept: Kept) -> None:
        """The process ends and begins again."""
        self.trust = self.provisioned(kept)
        self.stage.admission = self.trust.admission
        self.stage.start(self.stage.saved)

    def announce(self, name: str, **changes: Any) -> None:
        """Decisions that open a release to all; nothing is signed for devices yet."""
        body = kit.tiny_model(tag=name)
        stored = self.company.objects.put(body, kind="models")
        self.stage.models[stored.uri] = body
        self.stage.release(name, body=body, artifact={"uri": stored.uri}, **changes)

    def vouch(self, name: str) -> None:
        """The ceremony, and what the online host makes of it."""
        company = self.company
        company.people.vouch(company.log.book, name, company.keys_dir, company.objects, company.now)
        company.issue()

    def take(self, name: str, parent: str | None) -> None:
        """A release that comes to all devices."""
        self.announce(name, parent_release_id=parent)
        self.vouch(name)
        self.stage.play(5.5)
        assert set(self.stage.running()) == {name}
        self.stage.log.must(name, K.COMPLETED)

    def ends(self) -> list[tuple[str, A, str]]:
        acks = self.stage.outbox.on(OTA_ACKS)
        return [(one.release_id, one.state, one.reason_code) for one in acks if one.state in ENDS]

    def kept(self) -> Kept:
        return from_json(self.trust.to_json())

    def counters(self) -> set[bytes | None]:
        return {files.get(COUNTER) for files in self.kept().values()}


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


def test_the_way_back_is_fetched_again_under_its_own_counter(company: Company) -> None:
    road = Road(company)
    road.take("r1", None)
    road.take("r2", "r1")
    for device in road.stage.fleet.devices:
        device.flash.slots = device.flash.slots.empty_standby()
    digest = road.stage.log.book.releases["r1"].digest
    road.stage.log.must(
        "r2", K.ROLLBACK_ORDERED, rollback_to_release_id="r1", rollback_to_digest=digest
    )
    company.issue()
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
