"""What a device is told to run."""

from typing import Any

from schemas.cohorts import membership
from schemas.records import DeviceClass
from schemas.records import ReleaseKind as K
from tests.rollout_log import Log, digest_of

DEVICES = [f"device-{number}" for number in range(200)]


def target(log: Log, device: str, running: str | None, **options: Any) -> str | None:
    hardware = options.pop("hardware", "HW3")
    return log.book.target(
        device, DeviceClass.VEHICLE, hardware, running, now_us=log.now, **options
    ).release_id


def members(salt: str, share: float) -> set[str]:
    return {device for device in DEVICES if membership(salt, device) < share}


def second_release(*shares: float) -> Log:
    log = Log()
    log.completed("r1")
    log.opened("r2", *shares, counter=2, parent_release_id="r1")
    return log


def order_back(log: Log, **changes: Any) -> None:
    log.must(
        "r2",
        K.ROLLBACK_ORDERED,
        rollback_to_release_id="r1",
        rollback_to_digest=digest_of("r1"),
        **changes,
    )


def test_only_members_of_the_open_wave_take_the_release() -> None:
    log = second_release(0.2)
    inside = members("salt of r2", 0.2)
    taken = {device for device in DEVICES if target(log, device, "r1") == "r2"}
    assert taken == inside
    assert 20 <= len(inside) <= 60


def test_a_target_names_the_digest_to_install() -> None:
    log = second_release(1.0)
    found = log.book.target("d", DeviceClass.VEHICLE, "HW3", "r1", now_us=log.now)
    assert (found.release_id, found.digest) == ("r2", digest_of("r2"))
    assert found.why == "r2 is OPEN in HW3, wave 0"


def test_a_device_no_release_is_for_keeps_what_it_runs() -> None:
    log = second_release(1.0)
    assert target(log, "d", None, hardware="OPTIMUS_G2") is None
    robot = log.book.target("d", DeviceClass.ROBOT, "HW3", "factory", now_us=log.now)
    assert robot.release_id == "factory"


def test_held_and_paused_releases_take_no_new_devices_and_keep_the_others() -> None:
    for kind in (K.HELD, K.PAUSED):
        log = second_release(1.0)
        log.must("r2", kind)
        assert target(log, "new", "r1") == "r1"
        assert target(log, "runs it", "r2") == "r2"
        assert target(log, "in an attempt", "r1", attempting="r2") == "r2"


def test_an_aborted_release_stops_attempts_and_stays_where_it_runs() -> None:
    log = second_release(1.0)
    log.must("r2", K.ABORTED)
    assert target(log, "runs it", "r2") == "r2"
    assert target(log, "in an attempt", "r1", attempting="r2") == "r1"


def test_a_rollback_of_one_stratum_sends_back_only_that_stratum() -> None:
    log = second_release(1.0)
    order_back(log, stratum="HW3")
    assert target(log, "d", "r2") == "r1"
    assert target(log, "d", "r1", attempting="r2") == "r1"
    assert target(log, "new", "r1") == "r1"
    assert target(log, "d", "r2", hardware="HW4") == "r2"
    log.must("r2", K.ROLLBACK_DONE, stratum="HW3")
    assert target(log, "late", "r2") == "r1"


def test_a_fix_may_open_while_the_rollback_runs_and_takes_its_members() -> None:
    log = second_release(1.0)
    order_back(log)
    log.opened("r3", 0.5, counter=3, parent_release_id="r1")
    inside = members("salt of r3", 0.5)
    found = {device: target(log, device, "r2") for device in DEVICES}
    assert {device for device, release in found.items() if release == "r3"} == inside
    assert set(found.values()) == {"r1", "r3"}


def test_an_order_that_leads_to_a_release_ordered_back_is_followed_on() -> None:
    log = second_release(1.0)
    log.must("r2", K.COMPLETED)
    log.opened("r3", 1.0, counter=3, parent_release_id="r2")
    order_back(log)
    log.must(
        "r3", K.ROLLBACK_ORDERED, rollback_to_release_id="r2", rollback_to_digest=digest_of("r2")
    )
    assert target(log, "d", "r3") == "r1"


def test_membership_is_uniform_and_does_not_depend_on_other_devices() -> None:
    places = [membership("salt", f"d{number}") for number in range(2_000)]
    assert all(0.0 <= place < 1.0 for place in places)
    assert abs(sum(places) / len(places) - 0.5) < 0.03
    assert membership("salt", "d7") == places[7]
    assert membership("other", "d7") != places[7]
