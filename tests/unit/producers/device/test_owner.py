"""What owners and devices of a scenario ask for: the fleet waits, says why, and fails nothing."""

from typing import Any

import pytest

from schemas.records import AckState as A
from schemas.topics import OTA_ACKS
from tests.unit.producers.device.fleet_kit import Stage

FAILURES = {A.REJECTED, A.INSTALL_FAILED, A.REVERTED}
ONE: dict[str, Any] = {
    "devices": {"HW3": 1},
    "updates": {"download_s": 0.5, "install_s": 0.5, "boot_s": 0.5, "health_s": 2, "defer_s": 0.5},
}


def stage(**households: Any) -> Stage:
    made = Stage(households=households, **ONE)
    made.release("r1")
    return made


def waits(made: Stage) -> list[str]:
    """Reasons for which the device was deferred, in order; it failed nothing."""
    acks = made.outbox.on(OTA_ACKS)
    assert not FAILURES & {ack.state for ack in acks}
    return [ack.reason_code for ack in acks if ack.state is A.DEFERRED]


def test_nothing_begins_in_quiet_hours_of_the_place() -> None:
    # It begins at 22:13:20 UTC.
    made = stage(quiet_hours=["20:00-21:00", "23:00-23:14"], utc_offset_min=60)
    made.play(30)
    assert (made.running(), waits(made)) == ([None], ["QUIET_HOURS"])
    made.play(20)
    assert (made.running(), waits(made)) == (["r1"], ["QUIET_HOURS"])


def test_quiet_hours_may_last_until_midnight() -> None:
    made = stage(quiet_hours=["22:00-24:00"])
    made.play(10)
    assert (made.running(), waits(made)) == ([None], ["QUIET_HOURS"])


@pytest.mark.parametrize(
    ("temperature_c", "reason"), [((61, 80), "TOO_HOT"), ((-40, -21), "TOO_COLD")]
)
def test_a_device_out_of_its_range_waits(temperature_c: tuple[float, float], reason: str) -> None:
    made = stage(temperature_c=temperature_c)
    made.play(15)
    assert (made.running(), waits(made)) == ([None], [reason])


def test_a_device_that_cools_down_goes_on() -> None:
    made = stage(temperature_c=(55, 65))
    made.play(120)
    assert made.running() == ["r1"]
    assert set(waits(made)) <= {"TOO_HOT"}


def test_an_owner_who_agrees_after_a_while_is_waited_for() -> None:
    made = stage(asks=1.0, answer_s=5)
    made.play(4)
    assert (made.running(), waits(made)) == ([None], ["NO_CONSENT"])
    made.play(10)
    assert (made.running(), waits(made)) == (["r1"], ["NO_CONSENT"])


def test_later_is_said_as_often_as_it_may_be_and_then_yes() -> None:
    made = stage(asks=1.0, answer_s=2, later=1.0, later_s=3)
    made.play(30)
    assert made.running() == ["r1"]
    assert waits(made) == ["NO_CONSENT", "POSTPONED"] * 3 + ["NO_CONSENT"]


def test_a_share_of_the_owners_is_asked() -> None:
    made = Stage(households={"asks": 0.5, "answer_s": 600}, **{**ONE, "devices": {"HW3": 40}})
    made.release("r1")
    made.play(8)
    asked = {ack.device_id for ack in made.outbox.on(OTA_ACKS) if ack.state is A.DEFERRED}
    assert 8 < len(asked) < 32
    assert made.running().count("r1") == 40 - len(asked)
