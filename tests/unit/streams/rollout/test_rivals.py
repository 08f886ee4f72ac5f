"""Two releases that want one stratum, and orders that meet strata at different points."""

import pytest

from schemas.cohorts import membership
from schemas.records import CommandKind as C
from schemas.records import DeviceClass
from schemas.records import ReleaseKind as K
from tests.rollout_desk import POLICY, Desk
from tests.rollout_log import follow

STRATA = ("HW3", "HW4", "AI5")


@pytest.fixture
def desk() -> Desk:
    """Everybody runs r1, and r2 is open."""
    made = Desk()
    made.propose("r1")
    first = made.book.releases["r1"].proposal
    for seq, kind in enumerate((K.VERIFIED, K.APPROVED, K.WAVE_OPENED, K.COMPLETED), 1):
        made.write(follow(first, kind, seq, wave=0, share=1.0))
    made.started(counter=2, parent_release_id="r1")
    return made


def test_a_recall_supersedes_what_is_open_and_opens_in_its_place(desk: Desk) -> None:
    desk.propose("fix", counter=3, parent_release_id="r1", recall_id="24V-001")
    desk.wait(1)
    assert desk.turn() == ["VERIFIED all"]
    assert desk.status("HW3") == "OPEN", "nothing gives way to what nobody approved"
    desk.order(C.APPROVE, "fix")
    assert "SUPERSEDED HW3" in desk.turn()
    assert {desk.status(stratum) for stratum in STRATA} == {"SUPERSEDED"}
    assert {desk.status(stratum, "fix") for stratum in STRATA} == {"OPEN"}
    assert "answers recall 24V-001" in desk.book.releases["r2"].strata["HW3"].reason


def test_two_recalls_wait_for_each_other(desk: Desk) -> None:
    for number in (3, 4):
        name = f"fix-{number}"
        desk.propose(name, counter=number, parent_release_id="r1", recall_id=f"24V-{number}")
        desk.order(C.APPROVE, name)
    desk.wait(1)
    desk.turn()
    assert desk.status("HW3", "fix-4") == "OPEN"
    assert desk.status("HW3", "fix-3") == "SUPERSEDED"


@pytest.mark.parametrize(("recall", "first"), [(None, "newer"), ("24V-001", "older")])
def test_of_those_that_wait_recalls_go_first_and_then_the_newer(
    desk: Desk, recall: str | None, first: str
) -> None:
    desk.write(follow(desk.book.releases["r2"].proposal, K.PAUSED, 4))
    desk.propose("older", counter=3, parent_release_id="r1", recall_id=recall, strata=("HW3",))
    desk.propose("newer", counter=4, parent_release_id="r1", strata=("HW3",))
    desk.wait(1)
    desk.turn()
    desk.order(C.APPROVE, "older")
    desk.order(C.APPROVE, "newer")
    desk.turn()
    desk.order(C.ABORT)
    desk.turn()
    assert desk.status("HW3", first) == "OPEN"


def test_a_release_is_overtaken_only_where_the_newer_one_opened(desk: Desk) -> None:
    desk.propose("r3", counter=3, parent_release_id="r1")
    desk.propose("r4", counter=4, parent_release_id="r1", strata=("HW3",))
    desk.order(C.APPROVE, "r3")
    desk.order(C.APPROVE, "r4")
    desk.order(C.ABORT)
    desk.wait(1)
    desk.turn()
    assert desk.status("HW3", "r4") == "OPEN"
    found = [desk.status(stratum, "r3") for stratum in STRATA]
    assert found == ["SUPERSEDED", "OPEN", "OPEN"]


def test_a_fix_opens_while_the_rollback_of_what_it_mends_is_under_way(desk: Desk) -> None:
    desk.count("HW3", accepted=3, committed=3)
    desk.order(C.ROLLBACK)
    desk.wait(1)
    assert desk.turn() == ["ROLLBACK_ORDERED all"]
    desk.started("fix", counter=3, parent_release_id="r1")
    assert (desk.status("HW3"), desk.status("HW3", "fix")) == ("ROLLING_BACK", "OPEN")


def test_a_rollback_goes_before_a_newer_release_that_waits(desk: Desk) -> None:
    """Priority: rollback above newer counter. The newer one opens once the order stands."""
    desk.propose("r3", counter=3, parent_release_id="r1")
    desk.order(C.APPROVE, "r3")
    desk.wait(1)
    assert "APPROVED all" in desk.turn()
    for stratum in STRATA:
        desk.count(stratum, accepted=15, failed=12)
    said = desk.turn()
    for stratum in STRATA:
        assert said.index(f"ROLLBACK_ORDERED {stratum}") < said.index(f"WAVE_OPENED {stratum}")
        assert [desk.status(stratum, name) for name in ("r2", "r3")] == ["ROLLING_BACK", "OPEN"]


def test_a_device_ordered_back_goes_back_until_the_newer_release_reaches_it(desk: Desk) -> None:
    desk.propose("r3", counter=3, parent_release_id="r1", salt="salt")
    desk.order(C.ROLLBACK)
    desk.wait(1)
    desk.turn()
    assert wanted(desk, "on r2") == "r1", "a higher counter that nobody approved is no way out"
    desk.order(C.APPROVE, "r3")
    desk.turn()
    names = [f"device-{number}" for number in range(200)]
    inside = next(name for name in names if membership("salt", name) < POLICY.waves[0])
    outside = next(name for name in names if membership("salt", name) > POLICY.waves[0])
    assert desk.status("HW3", "r3") == "OPEN"
    assert wanted(desk, outside) == "r1", "its wave is not open: the order back goes first"
    assert wanted(desk, inside) == "r3", "a fix for it ends the way back"
    assert wanted(desk, outside, attempting="r2") == "r1"


def wanted(desk: Desk, device_id: str, attempting: str | None = None) -> str | None:
    """What a device on r2 is to run now."""
    found = desk.book.target(
        device_id, DeviceClass.VEHICLE, "HW3", "r2", attempting, now_us=desk.now
    )
    release: str | None = found.release_id
    return release


def test_a_superseded_release_can_still_be_ordered_back(desk: Desk) -> None:
    desk.propose("fix", counter=3, parent_release_id="r1", recall_id="24V-001")
    desk.order(C.APPROVE, "fix")
    desk.wait(1)
    desk.turn()
    desk.order(C.ROLLBACK)
    assert desk.turn() == ["ROLLBACK_ORDERED all"]


@pytest.mark.parametrize("command", [C.ROLLBACK, C.KILL])
def test_an_order_back_leaves_no_stratum_that_would_open_later(desk: Desk, command: C) -> None:
    desk.propose("r3", counter=3, parent_release_id="r1")
    desk.order(C.APPROVE, "r3")
    desk.order(C.ABORT, stratum="HW3")
    desk.wait(1)
    assert "WAVE_OPENED HW3" in desk.turn()
    desk.order(command, "r3")
    assert desk.turn() == ["ROLLBACK_ORDERED all", "ABORTED all"]
    desk.order(C.ABORT)
    desk.turn()
    found = [desk.status(stratum, "r3") for stratum in STRATA]
    assert found == ["ROLLING_BACK", "ABORTED", "ABORTED"]
