"""The parts of the watch, each against what it should be in plain words."""

from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records import Lifecycle
from schemas.topics import DEVICES, INFERENCE_EVENTS
from schemas.validation import check
from streams.heard_clock import MAX_STEP_US, HeardClock
from streams.processor import Refused
from streams.watch import canary, watch_file
from streams.watch.enrolling import EnrollingFold
from streams.watch.hearing import Hearing
from streams.watch.lagging import Lagging
from streams.watch.listening import ListeningFold
from streams.watch.phases import Change, Phase
from streams.watch.quality import CLOCK, COUNTS, Quality
from streams.watch.registry import KEEP_US, Registry
from streams.watch.watch_file import WatchFileError
from tests.slo_log import MINUTE, SECOND, START_US, batch, rows, window
from tests.watch_log import policy, registered


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 9), max_size=12), max_size=6))
def test_hearing_keeps_the_last_sign_of_life(batches: list[list[int]]) -> None:
    hearing, expected, stamp = Hearing(), defaultdict[int, int](int), 0
    for devices in batches:
        stamps = [stamp := stamp + 1 for _ in devices]
        expected |= dict(zip(devices, stamps, strict=True))
        hearing.note(np.array(devices, np.uint64), np.array(stamps, np.int64))
        again = Hearing()
        again.load(hearing.state())
        hearing = again
    found = hearing.last(np.arange(12, dtype=np.uint64)).tolist()
    assert found == [expected[device] for device in range(12)]
    hearing.forget_before(stamp)
    assert len(hearing) == len({device for device, at in expected.items() if at == stamp and at})


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9), st.booleans()), max_size=25))
def test_the_registry_answers_for_any_moment_by_what_was_stamped_until_then(
    changes: list[tuple[int, int, bool]],
) -> None:
    fold = EnrollingFold(policy())
    for offset, (device, number, active) in enumerate(changes):
        state = Lifecycle.ACTIVE if active else Lifecycle.PARKED
        record = registered(f"d{device}", number, lifecycle=state)
        fold.apply(batch(DEVICES.name, 0, [record], [START_US + offset], offset))
    for moment in range(-1, len(changes)):
        latest: dict[int, tuple[int, bool]] = {}
        for device, number, active in changes[: moment + 1]:
            if device not in latest or number > latest[device][0]:
                latest[device] = (number, active)
        expected = sorted(f"d{device}" for device, (_, active) in latest.items() if active)
        assert sorted(fold.registry.at(START_US + moment).ids.to_pylist()) == expected


def test_the_registry_forgets_what_was_replaced_more_than_an_hour_ago() -> None:
    fold = EnrollingFold(policy())
    for number in range(12_000):
        record = registered("d", number)
        if number in (0, 11_999):
            fold.apply(batch(DEVICES.name, 0, [record], [START_US + number], number))
    one = fold.registry.at(START_US + 12_000)
    many = Registry()
    many.add(one)
    stale = replace(one, order=np.array([0], np.int64), stamp_us=np.array([START_US], np.int64))
    for number in range(10_001):
        many.add(replace(stale, order=np.array([number], np.int64)))
    many.forget(START_US + 12_000 + KEEP_US)
    assert len(many) == 1
    assert many.at(START_US + 20_000).order.tolist() == one.order.tolist()


@pytest.mark.parametrize(
    ("holds", "changes"),
    [
        ("..xxxx", {5: Change.FIRED}),
        (".xx.xxxx", {7: Change.FIRED}),
        ("xxxx....", {3: Change.FIRED, 7: Change.ENDED}),
        ("xxxx.x....", {3: Change.FIRED, 9: Change.ENDED}),
    ],
)
def test_a_phase_takes_three_minutes_to_fire_and_to_end(
    holds: str, changes: dict[int, Change]
) -> None:
    phase, found = Phase(), {}
    for minute, sign in enumerate(holds):
        change = phase.step(
            START_US + minute * MINUTE, holds=sign == "x", for_us=3 * MINUTE, gap_us=2 * MINUTE
        )
        if change:
            found[minute] = change
    assert found == changes


def test_a_gap_begins_anew_what_was_about_to_fire_and_ends_nothing() -> None:
    phase = Phase()
    for minute in (0, 10, 11):
        at_us = START_US + minute * MINUTE
        assert phase.step(at_us, holds=True, for_us=2 * MINUTE, gap_us=MINUTE) is None
    fired = phase.step(START_US + 12 * MINUTE, holds=True, for_us=2 * MINUTE, gap_us=MINUTE)
    assert fired is Change.FIRED
    later = START_US + 60 * MINUTE
    assert phase.step(later, holds=False, for_us=2 * MINUTE, gap_us=MINUTE) is None
    assert phase.step(later - MINUTE, holds=False, for_us=0, gap_us=MINUTE) is None
    assert phase.firing


def test_refused_windows_are_counted_by_what_was_wrong() -> None:
    good = [window("a", 1, START_US), window("b", 1, START_US + 300 * SECOND)]
    bad = rows(INFERENCE_EVENTS.name, [window("c", number, START_US) for number in range(3)])
    refused = Refused(
        rows=bad,
        stamps_us=np.full(3, START_US, np.int64),
        fields=["produced", "latency.counts", "window_end"],
    )
    quality = Quality()
    whole = batch(INFERENCE_EVENTS.name, 0, good, [START_US] * 2)
    quality.note(replace(whole, refused=refused))
    minute = START_US // MINUTE
    counted = {name: (one.total, one.bad) for name, one in quality.changed(START_US)}
    assert counted == {
        (CLOCK, "VEHICLE", minute): (5, 2),
        (COUNTS, "VEHICLE", minute): (5, 2),
    }
    assert list(quality.changed(START_US)) == []
    list(quality.changed(START_US + 2 * 3_600 * SECOND))
    assert quality.state() == []


def test_a_listener_restored_at_any_point_goes_on_as_the_other() -> None:
    rng = Random(7)
    enrolled = EnrollingFold(policy())
    devices = [f"d{number}" for number in range(9)]
    enrolled.apply(batch(DEVICES.name, 0, [registered(one) for one in devices], [START_US] * 9))
    whole, parts = ListeningFold(policy()), ListeningFold(policy())
    found, expected = [], []
    for step in range(60):
        now = START_US + step * 5 * SECOND
        heard = [window(one, step, now) for one in devices if rng.random() < 0.05] or [
            window("other", step, now)
        ]
        made = batch(INFERENCE_EVENTS.name, 0, heard, [now] * len(heard), step * 10)
        whole.apply(made)
        again = ListeningFold(policy())
        again.restore(parts.snapshot())
        again.apply(made)
        parts = again
        if step % 4 == 0:
            expected += list(whole.judge(enrolled, now))
            found += list(parts.judge(enrolled, now))
    assert found == expected
    assert any(silence.silent for tick in found for silence in tick.silences)


def test_time_in_which_nobody_wrote_is_not_time_in_which_somebody_was_unheard() -> None:
    clock = HeardClock()
    clock.move(START_US)
    clock.hear("a")
    clock.move(START_US + 3_600 * SECOND)
    assert clock.unheard_us("a") == MAX_STEP_US
    assert clock.unheard_us("never seen") == 0


def test_a_group_is_behind_when_it_has_not_read_what_was_written_a_minute_ago() -> None:
    lagging = Lagging(60 * SECOND)
    ends = {("t", 0): 100, ("t", 1): 50}
    for second in range(0, 61, 10):
        lagging.note(second * SECOND, {at: end + second for at, end in ends.items()})
        if second < 60:
            assert list(lagging.rows(second * SECOND, "g", ends)) == []
    told = list(lagging.rows(60 * SECOND, "g", {("t", 0): 99, ("t", 1): 50}))
    assert [(row.key, row.total, row.bad) for row in told] == [({"group": "g", "topic": "t"}, 2, 1)]
    assert list(lagging.rows(60 * SECOND, "g", {})) == []


def test_a_beat_is_a_valid_record_that_adds_nothing() -> None:
    record = canary.beat(2, 1_763_769_000, 7, START_US)
    check(INFERENCE_EVENTS, record, START_US)
    assert (record.expected, record.late, record.source) == (0, 0, "canary")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("fleet: {page: {share: 1.5}}", "fleet.page.share='1.5': Input should be less than 1"),
        ("fleet: {page: {share: 0.01}}", "page.share=0.01 is below ticket.share=0.05"),
        ("fleet: {group_by: [region, region]}", "names a label twice"),
        ("fleet: {group_by: [device_id]}", "fleet.group_by.0='device_id': Input should be"),
        ("fleet: {group_by: []}", "fleet.group_by=[]"),
        ("tick: 10", "tick=10: 10 is no duration: write a whole number"),
        ("tick: 0s", "tick='0s'"),
        ("tick: 5m", "tick=5m is longer than silent_after.at_least=90s"),
        ("silent_after: {intervals: 0}", "silent_after.intervals=0"),
        ("clock_skew: {above: -1}", "clock_skew.above=-1"),
        ("consumer_lag: {behind: soon}", "consumer_lag.behind='soon'"),
        ("pipeline: {unheard: 1m, why: x}", "pipeline.why: unknown key"),
        ("nonsense: 1", "nonsense: unknown key; remove it"),
        ("[1, 2]", "is no mapping"),
        ("a: [", "no YAML: "),
    ],
)
def test_a_watch_file_that_breaks_a_rule_is_told_by_field(
    tmp_path: Path, text: str, told: str
) -> None:
    path = tmp_path / "watch.yaml"
    path.write_text(text)
    with pytest.raises(WatchFileError) as error:
        watch_file.load(path)
    assert told in str(error.value)
    assert str(path) in str(error.value)


def test_a_watch_file_changes_only_what_it_names(tmp_path: Path) -> None:
    path = tmp_path / "watch.yaml"
    path.write_text("fleet: {ticket: {for: 1m}}")
    changed, shipped = watch_file.load(path), watch_file.load(None)
    assert changed.fleet.ticket.for_us == MINUTE
    assert changed.fleet.ticket.share == shipped.fleet.ticket.share
    assert changed.fleet.page == shipped.fleet.page


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WatchFileError, match=r"gone\.yaml"):
        watch_file.load(tmp_path / "gone.yaml")
