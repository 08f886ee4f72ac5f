"""The burn-rate engine against published answers, and its rules one by one."""

from collections.abc import Iterable
from fractions import Fraction

import pytest

from schemas.records import AlertState, Severity
from streams.blobs import Blobs, Reading
from streams.slo.engine import Engine
from streams.slo.objectives import Slo
from streams.slo.phases import RECOVERED, WITHDRAWN
from streams.slo.transitions import Transition
from tests.slo_log import DAY, HOUR, MINUTE, SECOND, cell, slo, tier

PAIRS = {
    "1h/5m": (HOUR, 5 * MINUTE, "0.02"),
    "6h/30m": (6 * HOUR, 30 * MINUTE, "0.05"),
    "1d/2h": (DAY, 2 * HOUR, "0.1"),
    "3d/6h": (3 * DAY, 6 * HOUR, "0.1"),
}
HISTORY_MIN = 3 * 24 * 60
EVENTS_A_MINUTE = 1_000

# Bad events a minute, minutes, objective; by pair: minute of first firing, minutes after the end.
# Simulated independently of this project; the first row was checked with promtool 2.42.
ANSWERS = [
    (1_000, 30, "0.99", {"1h/5m": (9, 4), "6h/30m": (22, 28)}),
    (100, 360, "0.99", {"6h/30m": (217, 11)}),
    (40, 1_440, "0.99", {"1d/2h": (1_081, 29), "3d/6h": (1_081, 269)}),
    (
        1_000,
        10,
        "0.999",
        {"1h/5m": (1, 4), "6h/30m": (3, 29), "1d/2h": (5, 119), "3d/6h": (5, 359)},
    ),
    (150, 10, "0.999", {"1h/5m": (6, 4)}),
    (5, 2_880, "0.999", {"1d/2h": (865, 47), "3d/6h": (865, 287)}),
]


@pytest.mark.parametrize("objective", ["0.99", "0.999"])
def test_every_tier_fires_and_clears_in_the_published_minutes(objective: str) -> None:
    tiers = [tier(*pair, objective=objective) for pair in PAIRS.values()]
    made = slo(*tiers, objective=Fraction(objective), period_us=30 * DAY, bucket_us=MINUTE)
    incidents = {
        f"{bad}x{minutes}": (bad, minutes, answers)
        for bad, minutes, promised, answers in ANSWERS
        if promised == objective
    }
    active = _active_minutes(made, {name: found[:2] for name, found in incidents.items()})
    for name, (_, minutes, answers) in incidents.items():
        for pair, found in zip(PAIRS, active[name], strict=True):
            assert found == list(range(found[0], found[-1] + 1)) if found else pair not in answers
            expected = answers.get(pair)
            told = (found[0], found[-1] - minutes) if found else None
            assert told == expected, (name, pair)


def _active_minutes(made: Slo, incidents: dict[str, tuple[int, int]]) -> dict[str, list[list[int]]]:
    """By incident and tier, the minutes after its begin at whose end the tier was true."""
    engine = Engine(made)
    keys = {name: {"hardware": "HW3", "release_id": name} for name in incidents}
    active: dict[str, list[list[int]]] = {name: [[] for _ in made.tiers] for name in incidents}
    for minute in range(-HISTORY_MIN, max(length for _, length in incidents.values()) + 400):
        start = (HISTORY_MIN + minute) * MINUTE
        for name, (bad, length) in incidents.items():
            engine.count(keys[name], start, EVENTS_A_MINUTE, bad if 0 <= minute < length else 0)
        engine.advance(start + MINUTE + 1, start)
        for name, key in keys.items():
            for place, true in enumerate(engine.active(key) if minute >= 0 else ()):
                if true:
                    active[name][place].append(minute + 1)
    return active


def test_bad_share_equal_to_the_limit_does_not_fire_and_one_more_does() -> None:
    made = slo(tier(10 * SECOND, 5 * SECOND, "0.1", period_us=1_000 * SECOND))
    assert made.tiers[0].limit == Fraction(1, 10)
    assert _shares(made, [10] * 10) == []
    (found,) = _shares(made, [10] * 9 + [11])
    assert (found.state, found.at_us) == (AlertState.FIRING, 10 * SECOND)


def test_few_bad_events_are_no_page() -> None:
    made = slo(min_bad=3)
    engine = Engine(made)
    engine.observe(cell(0, 2, 2))
    assert engine.advance(10 * SECOND, 0) == []
    engine.observe(cell(0, 3, 3, offset=1))
    engine.observe(cell(10 * SECOND, 1, 1, offset=1))
    assert [t.state for t in engine.advance(12 * SECOND, 0)] == [AlertState.FIRING]


def test_a_firing_alert_without_data_goes_on_firing_until_good_data_comes() -> None:
    engine = Engine(slo())
    engine.observe(cell(0, 10, 10))
    (fired,) = engine.advance(2 * SECOND, 1)
    assert fired.state is AlertState.FIRING
    silent = engine.advance(3 * HOUR, 2)
    assert [t.state for t in silent] == [AlertState.STALE, AlertState.NO_DATA]
    engine.observe(cell(3 * HOUR, 10, 0, offset=1))
    engine.observe(cell(3 * HOUR + 6 * SECOND, 10, 0, offset=1))
    (cleared,) = engine.advance(3 * HOUR + 20 * SECOND, 3)
    assert (cleared.state, cleared.reason) == (AlertState.RESOLVED, RECOVERED)
    assert cleared.ends_us == 3 * HOUR + SECOND
    assert cleared.at_us == 3 * HOUR + 7 * SECOND


def test_a_condition_that_comes_back_while_it_is_held_keeps_the_episode() -> None:
    shares = [100] * 3 + [0] * 6 + [100] * 3 + [0] * 40
    found = _shares(slo(), shares)
    assert [t.state for t in found] == [AlertState.FIRING, AlertState.RESOLVED]
    assert found[0].starts_us == found[1].starts_us


def test_the_higher_version_of_a_cell_counts_whatever_the_order() -> None:
    newer, older = cell(0, 100, 60, offset=9), cell(0, 50, 50, offset=4)
    for order in ([newer, older, newer], [older, newer], [older, older, newer, older]):
        engine = Engine(slo())
        for record in order:
            engine.observe(record)
        (found,) = engine.advance(2 * SECOND, 0)
        assert (found.tiers[0].n_long, found.tiers[0].bad_long) == (100, 60)


def test_source_partitions_add_up() -> None:
    engine = Engine(slo())
    for partition in range(4):
        engine.observe(cell(0, 10, 2 + partition, partition=partition))
    (found,) = engine.advance(2 * SECOND, 0)
    assert (found.tiers[0].n_short, found.tiers[0].bad_short) == (40, 14)


def test_what_comes_too_late_counts_in_its_window_and_rewrites_nothing() -> None:
    engine = Engine(slo())
    engine.observe(cell(0, 10, 0))
    assert engine.advance(10 * SECOND, 0) == []
    engine.observe(cell(SECOND, 100, 100, offset=1, watermark=10 * SECOND))
    assert engine.late_events == 100
    engine.observe(cell(10 * SECOND, 10, 10, offset=1))
    (found,) = engine.advance(13 * SECOND, 0)
    assert (found.at_us, found.tiers[0].n_long, found.late_events) == (11 * SECOND, 120, 100)


def test_cells_beyond_the_horizon_are_counted_and_left_out() -> None:
    engine = Engine(slo())
    engine.observe(cell(8 * HOUR, 10, 0))
    engine.observe(cell(HOUR, 40, 40, offset=1))
    assert engine.too_old == 40
    assert engine.advance(9 * HOUR, 0) == []


def test_a_withdrawn_release_resolves_and_only_later_reports_reopen_it() -> None:
    engine = Engine(slo())
    engine.observe(cell(0, 10, 10))
    engine.advance(2 * SECOND, 0)
    assert engine.withdraw("release-1", "HW4", 4 * SECOND, 0) == []
    assert engine.withdraw("release-2", None, 4 * SECOND, 0) == []
    (resolved,) = engine.withdraw("release-1", "HW3", 4 * SECOND, 7)
    assert (resolved.state, resolved.reason) == (AlertState.RESOLVED, WITHDRAWN)
    assert engine.withdraw("release-1", "HW3", 4 * SECOND, 7) == []
    engine.observe(cell(3 * SECOND, 10, 10, offset=1))
    assert engine.advance(8 * SECOND, 0) == []
    engine.observe(cell(9 * SECOND, 10, 10, offset=2))
    (again,) = engine.advance(12 * SECOND, 0)
    assert (again.state, again.tiers[0].n_long) == (AlertState.FIRING, 10)


def test_the_transition_names_release_and_hardware_as_suspects_with_budget_left() -> None:
    engine = Engine(slo())
    for hardware in ("HW3", "HW4"):
        for release in ("release-1", "release-2"):
            bad = 50 if (hardware, release) == ("HW3", "release-2") else 1
            key = {"hardware": hardware, "release_id": release}
            engine.observe(cell(0, 100, bad, key=key))
    (found,) = engine.advance(2 * SECOND, 0)
    assert found.labels == {"hardware": "HW3", "release_id": "release-2"}
    lifts = {(one.label, one.value): one.lift for one in found.suspects}
    assert lifts == {
        ("hardware", "HW3"): pytest.approx(25.5),
        ("release_id", "release-2"): pytest.approx(25.5),
    }
    assert found.budget.remaining == pytest.approx(1 - 0.5 / 0.01)


def test_state_restored_at_any_point_leads_to_the_same_transitions() -> None:
    shares = [0, 100, 100, 30, 0, 0, 0, 0, 0, 90, 90, 0, 0, 0] + [0] * 30
    whole = _shares(slo(), shares)
    for cut in range(len(shares)):
        engine = Engine(slo())
        found = _feed(engine, shares[:cut], 0)
        again = Engine(slo())
        snapshot = _packed(engine)
        again.load(Reading(snapshot).value, Reading(snapshot))
        assert _packed(again) == snapshot
        assert found + _feed(again, shares[cut:], cut) == whole


def test_what_came_late_before_a_restart_is_judged_after_it_as_without() -> None:
    told = []
    for restarted in (False, True):
        engine = Engine(slo())
        _feed(engine, [0] * 10, 0)
        engine.observe(cell(8 * SECOND, 900, 900, offset=99))
        if restarted:
            reading = Reading(_packed(engine))
            engine = Engine(slo())
            engine.load(reading.value, reading)
        told.append(_feed(engine, [0] * 20, 10))
    assert told[0] == told[1]
    assert [one.state for one in told[0]] == [AlertState.FIRING, AlertState.RESOLVED]


def test_a_key_that_comes_between_two_ticks_can_be_told_of_at_once() -> None:
    engine = Engine(slo())
    engine.observe(cell(0, 10, 10))
    assert len(engine.advance(2 * SECOND, 0)) == 1
    other = {"hardware": "AI5", "release_id": "release-9"}
    engine.observe(cell(0, 10, 0, key=other))
    found = engine.transition(other, Severity.PAGE, AlertState.RESOLVED, RECOVERED)
    assert (found.labels, found.suspects) == (other, ())


def test_a_key_that_is_gone_takes_no_memory() -> None:
    engine = Engine(slo())
    for number in range(20):
        key = {"hardware": "HW3", "release_id": f"release-{number}"}
        engine.observe(cell(number * HOUR, 10, 0, offset=number, key=key))
        engine.advance(number * HOUR + 30 * SECOND, 0)
    assert len(list(engine.keys())) <= 8


def _packed(engine: Engine) -> bytes:
    blobs = Blobs()
    return blobs.pack(engine.state(blobs))


def _shares(made: Slo, shares: Iterable[int]) -> list[Transition]:
    return _feed(Engine(made), shares, 0)


def _feed(engine: Engine, shares: Iterable[int], first: int) -> list[Transition]:
    found = []
    for number, bad in enumerate(shares, start=first):
        engine.observe(cell(number * SECOND, 100, bad, offset=number))
        found += engine.advance((number + 1) * SECOND + 1, number)
    return found
