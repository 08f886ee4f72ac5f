"""What makes the update client wait besides the release's preconditions, and what ends it."""

import pytest

from producers.device.flash_json import from_json, to_json
from producers.device.postponement import Postponing
from producers.device.readiness import Hours, Household
from producers.device.wishes import GoBack, Install, Withdrawn
from schemas.records import AckState as A
from tests.unit.producers.device.kit import NOW, Phone, model

R1, R2 = model("r1"), model("r2")
MINUTE = NOW // 60_000_000 % 1440
ASKS = Household(asks=True, postponing=Postponing(times=2, once_s=20, whole_s=60))
WISH = Install(model=R2)


def running(household: Household) -> Phone:
    """A phone that runs r1, of whose installation nothing is told."""
    phone = Phone(household=Household(), defer_s=1)
    phone.run(Install(model=R1), 12)
    later = Phone(flash=phone.flash, household=household, defer_s=1)
    later.now = phone.now
    assert later.flash.slots.running is not None
    return later


def told(phone: Phone) -> list[tuple[A, str]]:
    return [one for one in phone.states if one[0] is not A.OFFERED]


def test_quiet_hours_defer_and_their_end_lets_it_begin() -> None:
    phone = running(Household(quiet=(Hours(MINUTE, MINUTE + 2),)))
    phone.run(WISH, 30)
    assert told(phone) == [(A.DEFERRED, "QUIET_HOURS")]
    phone.run(WISH, 120)
    assert told(phone)[-1] == (A.COMMITTED, "")


def test_heat_defers_and_cooling_lets_it_begin() -> None:
    phone = running(Household())
    phone.temperature_c = 71.0
    phone.run(WISH, 5)
    assert told(phone) == [(A.DEFERRED, "TOO_HOT")]
    phone.temperature_c = 40.0
    phone.run(WISH, 20)
    assert told(phone)[-1] == (A.COMMITTED, "")


def test_an_owner_is_asked_and_yes_lets_it_begin() -> None:
    phone = running(ASKS)
    phone.run(WISH, 10)
    assert told(phone) == [(A.DEFERRED, "NO_CONSENT")]
    phone.ota.agree()
    phone.run(WISH, 20)
    assert told(phone)[-1] == (A.COMMITTED, "")


def test_later_is_told_kept_over_a_boot_and_ends_at_the_limit() -> None:
    phone = running(ASKS)
    phone.run(WISH, 2)
    phone.ota.postpone(20, phone.now)
    phone.run(WISH, 5)
    assert told(phone) == [(A.DEFERRED, "NO_CONSENT"), (A.DEFERRED, "POSTPONED")]
    kept = from_json(to_json({"x": phone.flash}))["x"]
    assert kept.attempt == phone.flash.attempt
    booted = Phone(flash=kept, household=ASKS, defer_s=1)
    booted.now = phone.now
    booted.ota.postpone(20, booted.now)
    with pytest.raises(ValueError, match="2 are allowed"):
        booted.ota.postpone(20, booted.now)
    booted.run(WISH, 30)
    assert told(booted)[-1] == (A.DEFERRED, "NO_CONSENT")
    booted.run(WISH, 60)
    assert told(booted)[-1] == (A.COMMITTED, "")


def test_an_offer_is_over_after_its_time_and_the_owner_is_asked_anew() -> None:
    phone = Phone(household=ASKS, defer_s=1, offer_s=10, retry_s=4)
    phone.temperature_c = 71.0
    phone.run(WISH, 2)
    phone.ota.agree()
    phone.run(WISH, 8)
    assert phone.states == [(A.OFFERED, ""), (A.DEFERRED, "TOO_HOT")]
    phone.run(WISH, 2)
    assert phone.states[-1] == (A.REJECTED, "OFFER_EXPIRED")
    phone.temperature_c = 40.0
    phone.run(WISH, 6)
    assert phone.states[-2:] == [(A.OFFERED, ""), (A.DEFERRED, "NO_CONSENT")]
    assert phone.acks[-1].attempt == 2
    phone.ota.agree()
    phone.run(WISH, 8)
    assert phone.states[-1] == (A.COMMITTED, "")


def test_an_expired_offer_returns_to_what_the_log_says_by_then() -> None:
    phone = Phone(defer_s=1, offer_s=10)
    phone.temperature_c = 71.0
    phone.run(WISH, 5)
    phone.now += 20 * 86_400 * 1_000_000  # it was off
    phone.temperature_c = 40.0
    phone.run(Install(model=model("r3")), 10)
    assert [ack.release_id for ack in phone.acks if ack.state is A.COMMITTED] == ["r3"]


def test_a_way_back_is_not_asked_for() -> None:
    phone = running(Household())
    phone.run(WISH, 20)
    asked = Phone(flash=phone.flash, household=ASKS, defer_s=1)
    asked.now = phone.now
    withdrawn = Withdrawn(release_id="r2", wave=0)
    asked.run(GoBack(withdrawn=withdrawn, to=model("r0")), 20)
    assert (A.COMMITTED, "") in asked.states
    assert not any(state is A.DEFERRED for state, _ in asked.states)


def test_words_without_an_offer_change_nothing() -> None:
    phone = running(ASKS)
    phone.ota.agree()
    phone.ota.postpone(20, phone.now)
    assert phone.states == []
