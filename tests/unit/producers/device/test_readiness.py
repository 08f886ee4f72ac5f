"""When an update may begin, and what an owner may put off."""

from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.device.postponement import DAY_S, Consent, Postponing, waits_for
from producers.device.readiness import DAY_MINUTES, Hours, Household, deferral
from schemas.records import DeviceConditions, Preconditions

HOUR_US: Final = 3_600_000_000
DAY_US: Final = 24 * HOUR_US
MIDNIGHT: Final = 20_000 * DAY_US
NEEDED: Final = Preconditions(parked=True, min_state_of_charge=0.5, network="WIFI")
HELD: Final = DeviceConditions(parked=True, state_of_charge=0.5, network="WIFI")
BY_DAY: Final = Household(quiet=(Hours(6 * 60, 22 * 60),))
RULES: Final = Postponing(times=2, once_s=DAY_S, whole_s=5 * DAY_S)


def reason(
    household: Household = BY_DAY,
    hour: float = 23,
    temperature_c: float = 20.0,
    consent: Consent | None = None,
    **held: Any,
) -> str | None:
    now_us = MIDNIGHT + round(hour * HOUR_US)
    held_now = replace(HELD, **held)
    return deferral(NEEDED, held_now, temperature_c, household, consent or Consent(), now_us)


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ({}, None),
        ({"parked": False}, "NOT_PARKED"),
        ({"state_of_charge": 0.499}, "LOW_CHARGE"),
        ({"network": "CELLULAR"}, "NO_NETWORK"),
        ({"temperature_c": -20.0}, None),
        ({"temperature_c": -20.1}, "TOO_COLD"),
        ({"temperature_c": 60.0}, None),
        ({"temperature_c": 60.1}, "TOO_HOT"),
        ({"temperature_c": float("nan")}, "TOO_HOT"),
        ({"hour": 5.99}, None),
        ({"hour": 6}, "QUIET_HOURS"),
        ({"hour": 21.99}, "QUIET_HOURS"),
        ({"hour": 22}, None),
        ({"hour": 12, "parked": False}, "NOT_PARKED"),
        ({"consent": Consent.ask(MIDNIGHT)}, "NO_CONSENT"),
        ({"consent": Consent.ask(MIDNIGHT), "hour": 12}, "QUIET_HOURS"),
    ],
)
def test_the_first_that_does_not_hold_is_the_reason(
    what: dict[str, Any], expected: str | None
) -> None:
    assert reason(**what) == expected


def test_quiet_hours_are_local_hours() -> None:
    assert reason(hour=23) is None
    assert reason(replace(BY_DAY, utc_offset_min=8 * 60), hour=23) == "QUIET_HOURS"
    assert reason(replace(BY_DAY, utc_offset_min=-5 * 60), hour=2) == "QUIET_HOURS"


@given(st.integers(0, DAY_MINUTES), st.integers(0, DAY_MINUTES), st.integers(0, DAY_MINUTES - 1))
def test_hours_and_their_rest_are_the_day(begin: int, until: int, minute: int) -> None:
    if begin % DAY_MINUTES != until % DAY_MINUTES:
        assert Hours(begin, until).hold(minute) is not Hours(until, begin).hold(minute)


def test_hours_of_no_day_are_refused() -> None:
    with pytest.raises(ValueError, match="minute 1441 must be in"):
        Hours(0, 1441)


def test_silence_waits_until_the_limit_and_no_longer() -> None:
    asked = Consent.ask(MIDNIGHT)
    assert waits_for(asked, RULES, MIDNIGHT) == "NO_CONSENT"
    assert waits_for(asked, RULES, MIDNIGHT + 5 * DAY_US - 1) == "NO_CONSENT"
    assert waits_for(asked, RULES, MIDNIGHT + 5 * DAY_US) is None
    assert waits_for(asked.give(), RULES, MIDNIGHT) is None
    assert waits_for(Consent(), RULES, MIDNIGHT) is None


def test_later_is_said_so_often_and_not_for_longer() -> None:
    first = Consent.ask(MIDNIGHT).postpone(RULES, 3 * DAY_S, MIDNIGHT)
    assert first.until_us == MIDNIGHT + DAY_US
    assert waits_for(first, RULES, MIDNIGHT + DAY_US - 1) == "POSTPONED"
    assert waits_for(first, RULES, MIDNIGHT + DAY_US) == "NO_CONSENT"
    second = first.give().postpone(RULES, 60.0, MIDNIGHT + DAY_US)
    assert waits_for(second, RULES, MIDNIGHT + DAY_US) == "POSTPONED"
    assert waits_for(second.give(), RULES, MIDNIGHT + DAY_US) is None
    with pytest.raises(ValueError, match="postponed 2 times; 2 are allowed"):
        second.postpone(RULES, 60.0, MIDNIGHT + 2 * DAY_US)


def test_later_never_reaches_beyond_the_limit() -> None:
    asked = Consent.ask(MIDNIGHT)
    late = asked.postpone(RULES, DAY_S, MIDNIGHT + 5 * DAY_US - 1)
    assert late.until_us == MIDNIGHT + 5 * DAY_US
    with pytest.raises(ValueError, match="offered 5 days ago"):
        asked.postpone(RULES, DAY_S, MIDNIGHT + 5 * DAY_US)
    with pytest.raises(ValueError, match="asks for no consent"):
        Consent().postpone(RULES, DAY_S, MIDNIGHT)


def test_a_clock_that_was_a_year_ahead_makes_nobody_wait_a_year() -> None:
    ahead = MIDNIGHT + 365 * DAY_US
    later = Consent.ask(ahead).postpone(RULES, DAY_S, ahead)
    found = later.at(MIDNIGHT, RULES)
    assert waits_for(found, RULES, MIDNIGHT + DAY_US) == "NO_CONSENT"
    assert waits_for(found, RULES, MIDNIGHT + 5 * DAY_US) is None
    assert found.at(MIDNIGHT, RULES) == found
    assert Consent().at(MIDNIGHT, RULES) == Consent()


WORDS = st.lists(
    st.tuples(st.booleans(), st.floats(-1e9, 1e9), st.integers(0, 6 * DAY_US)), max_size=12
)


@given(WORDS)
def test_whatever_an_owner_says_the_update_begins_at_last(
    words: list[tuple[bool, float, int]],
) -> None:
    consent = Consent.ask(MIDNIGHT)
    for yes, seconds, after_us in sorted(words, key=lambda word: word[2]):
        try:
            now_us = MIDNIGHT + after_us
            consent = consent.give() if yes else consent.postpone(RULES, seconds, now_us)
        except ValueError:
            continue
    assert consent.postponed <= RULES.times
    assert waits_for(consent, RULES, MIDNIGHT + 5 * DAY_US) is None
