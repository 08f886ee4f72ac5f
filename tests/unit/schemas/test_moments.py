"""Moments, as RFC 3339 and Go write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import moments

YEAR_9999_US = 253_402_300_799_999_999


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_500_000, "1970-01-01T00:00:01.5Z"),
        (1_000_001, "1970-01-01T00:00:01.000001Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
    ],
)
def test_times_are_printed_as_go_prints_them(microseconds: int, text: str) -> None:
    assert moments.spell(microseconds) == text


@given(st.integers(0, YEAR_9999_US))
def test_what_is_spelled_is_read_back_to_the_microsecond(microseconds: int) -> None:
    assert moments.parse(moments.spell(microseconds)) == microseconds


def test_another_zone_is_the_same_moment() -> None:
    assert moments.parse("2026-01-31T09:00:00+01:00") == moments.parse("2026-01-31T08:00:00z")


@pytest.mark.parametrize("text", ["", "monday", "2026-01-31", "2026-01-31T08:00:00"])
def test_what_is_no_moment_or_names_no_zone_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no time; write it as 2026-01-31T08:00:00Z"):
        moments.parse(text)
