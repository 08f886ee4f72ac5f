"""Known inputs that were signed with a release, asked of its model on every device."""

import logging
from typing import Any, Final

import pytest

from infra.trust.ceremony import CeremonyError
from producers.device.engine import Engine
from producers.device.trust.places import TARGETS
from schemas.known_inputs import known_name, to_json
from schemas.records import AckState as A
from tests import known
from tests.trust_company import Company
from tests.unit.infra.trust.road import Road
from tests.unit.producers.device import kit

BOTH: Final[dict[str, Any]] = {
    "strata": ("HW3", "HW4"),
    "deadline_us": {"HW3": 50_000, "HW4": 50_000},
}


def leave(company: Company, name: str, body: bytes = known.KNOWN) -> None:
    """The trainer leaves known inputs for a release's model."""
    company.objects.put_named(known_name(kit.sha(kit.tiny_model(tag=name))), body)


def permuting(hardware: str, body: bytes, digest: str, clock: Any) -> Engine:
    """A runtime that is broken on HW3."""
    kind = known.Permuted if hardware == "HW3" else Engine
    return kind(body, digest, cpu_clock=clock)


def test_a_model_that_answers_otherwise_on_one_hardware_is_left_there_before_it_drives(
    company: Company,
) -> None:
    leave(company, "r1")
    road = Road(company, runtime=permuting, fleet={"HW3": 2, "HW4": 2})
    road.announce("r1", **BOTH)
    road.vouch("r1")
    road.stage.play(8)
    ends = sorted(road.ends())
    assert ends == [("r1", A.COMMITTED, "")] * 2 + [("r1", A.REVERTED, "WRONG_ANSWER")] * 2
    assert road.stage.running() == [None, None, "r1", "r1"]


def test_a_release_without_known_inputs_is_tried_without_which_is_said_once(
    company: Company, caplog: pytest.LogCaptureFixture
) -> None:
    road = Road(company, runtime=permuting)
    road.announce("r1")
    road.vouch("r1")
    with caplog.at_level(logging.WARNING):
        road.stage.play(5.5)
    assert road.ends() == [("r1", A.COMMITTED, "")] * 2
    assert [one for one in caplog.messages if "no known inputs" in one] == [
        "r1: no known inputs are signed with it: it is tried without"
    ]


def test_a_fleet_that_is_started_again_in_the_trial_asks_what_it_kept(company: Company) -> None:
    leave(company, "r1")
    road = Road(company, runtime=permuting, fleet={"HW4": 2})
    road.announce("r1", **BOTH)
    road.vouch("r1")
    while not all(device.flash.slots.trial for device in road.stage.fleet.devices):
        road.stage.play(0.1)
    kept = road.kept()
    assert kept["hw4-00000"].keys() - kept["hw4-00001"].keys() == set()
    company.objects.delete(f"{TARGETS}/{known.SIGNED.path}")
    road.stage.saved = {one.who.device_id: one.flash for one in road.stage.fleet.devices}
    road.restart(kept)
    road.stage.play(5)
    assert road.ends() == [("r1", A.COMMITTED, "")] * 2


def test_other_known_inputs_than_were_signed_are_refused(company: Company) -> None:
    leave(company, "r1")
    road = Road(company)
    road.announce("r1")
    road.vouch("r1")
    other = to_json(known.inputs(("yield", "stop", "no entry")))
    company.objects.put_named(f"{TARGETS}/{known.SIGNED.path}", other.ljust(len(known.KNOWN)))
    road.stage.play(4)
    assert road.ends()[:2] == [("r1", A.REJECTED, "HASH_MISMATCH")] * 2
    assert road.counters() == {None}


def test_people_are_not_asked_to_sign_known_inputs_that_are_none(company: Company) -> None:
    leave(company, "r1", b"{}")
    road = Road(company)
    road.announce("r1")
    with pytest.raises(CeremonyError, match="remove it or have it made"):
        road.vouch("r1")


def test_the_way_back_brings_the_known_inputs_of_where_it_leads(company: Company) -> None:
    leave(company, "r1")
    road = Road(company)
    road.take("r1", None)
    road.announce("r2", parent_release_id="r1")
    road.vouch("r2")
    targets = company.people.ceremony.papers("images", "targets")[-1].document.signed.targets
    assert "known" in targets["r2.rollback.onnx"].custom
    assert "known" not in targets["r2.onnx"].custom
