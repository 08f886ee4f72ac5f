"""Rules for Prometheus: exact numbers, counters as promtool writes them, what cannot be said."""

from dataclasses import replace
from fractions import Fraction

import pytest

from streams.slo.objectives import Mode
from streams.slo.prometheus.numbers import number
from streams.slo.prometheus.promtool import counter_values
from streams.slo.prometheus.rules import NotForPrometheusError, active, by_minute, rules
from tests.promtool_series import KEY, workbook
from tests.slo_log import DAY, MINUTE, SECOND


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction("0.144"), "0.144"),
        (1 - Fraction("0.999"), "0.001"),
        (Fraction(28, 30) / 100, "(7 / 750)"),
        (Fraction(5040), "5040"),
        (Fraction(1, 2**20), "0.00000095367431640625"),
        (0, "0"),
    ],
)
def test_a_number_is_exact(value: Fraction, text: str) -> None:
    assert number(value) == text


def test_counters_are_written_in_runs_and_start_again_at_a_reset() -> None:
    assert counter_values([10, 10, 10, 0, 5]) == "0 10+10x2 30+0x0 35+5x0"
    assert counter_values([10, 10, 7, 10], resets=[2]) == "0 10+10x1 7-13x0 17+10x0"


def test_the_tier_says_both_windows_and_both_guards() -> None:
    slo = workbook("0.99", min_events=50)
    told = active(slo, slo.tiers[0])
    assert told.count("> bool 0.144") == 2
    assert 'slo:bad_events:increase1h{slo="perception-latency"} >= bool 3' in told
    assert 'slo:events:increase1h{slo="perception-latency"} >= bool 50' in told


def test_consumption_compares_with_what_the_window_should_hold() -> None:
    slo = replace(workbook("0.99"), mode=Mode.CONSUMPTION, expected_events=720_000)
    told = active(slo, slo.tiers[0])
    assert 'slo:bad_events:increase1h{slo="perception-latency"} > bool 144)' in told
    assert 'slo:bad_events:increase5m{slo="perception-latency"} > bool 12)' in told


def test_the_alert_has_the_labels_of_ours_and_its_waits() -> None:
    slo = workbook("0.99")
    slo = replace(slo, for_us=dict.fromkeys(slo.severities, 2 * MINUTE))
    found = [one for one in rules(slo)["groups"][0]["rules"] if "alert" in one]
    assert [one["labels"]["severity"] for one in found] == ["page", "ticket"]
    assert [one["keep_firing_for"] for one in found] == ["5m", "30m"]
    assert {one["for"] for one in found} == {"2m"}
    for label in ("slo", "severity", *slo.group_by):
        assert label in found[0]["expr"]


def test_what_the_rules_cannot_say_is_refused() -> None:
    slo = workbook("0.99")
    seconds = replace(slo, keep_firing_us=dict.fromkeys(slo.severities, 30 * SECOND))
    with pytest.raises(NotForPrometheusError, match="keep_firing_for 30s is not whole minutes"):
        by_minute(seconds)
    learning = replace(slo, mode=Mode.CONSUMPTION, period_us=30 * DAY)
    with pytest.raises(NotForPrometheusError, match="write expected_events"):
        by_minute(learning)
    assert len(KEY) == len(slo.group_by)
