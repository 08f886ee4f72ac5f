"""Stage one: limits, time, what is not covered, and a state that can be put down and taken up."""

import logging
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from schemas.errors import RecordError
from schemas.histograms import empty
from schemas.records import DeviceClass, InferenceEvent, PartialKind, SideCount, SloPartial
from schemas.topics import INFERENCE_EVENTS
from schemas.validation import check
from streams.processor import Position
from streams.slo import sides
from streams.slo.cells import HORIZON_US, Cells
from streams.slo.counting import CountingFold
from streams.slo.judging import CellCount
from streams.slo.sides import OVERFLOW
from tests.slo_log import DAY, HOUR, SECOND, START_US, batch, slo, window


def _position(**over: int) -> Position:
    fields = {"applied_through": 0, "end_offset": 1, "asked_us": 0, "high_stamp_us": START_US}
    return Position(topic_id="t", generation="g1", **(fields | over))


def _said(fold: CountingFold, position: Position, now_us: int) -> list[SloPartial]:
    return [outgoing.record for outgoing in fold.emit(position, now_us)]


def _fold(*numbers: int, end_us: int = START_US) -> CountingFold:
    fold = CountingFold([slo()], 3)
    events = [window("d", number, end_us, late=4) for number in numbers]
    fold.apply(batch(INFERENCE_EVENTS.name, 3, events, [START_US] * len(events)))
    return fold


def test_cells_are_cumulative_and_handed_on_only_when_they_changed() -> None:
    fold = _fold(1, 2)
    cell, *marks = _said(fold, _position(), START_US)
    assert (cell.kind, cell.total, cell.bad, cell.last_offset) == (PartialKind.CELL, 20, 8, 1)
    assert cell.key == {"hardware": "HW3", "release_id": "release-1"}
    assert [mark.kind for mark in marks] == [PartialKind.PROGRESS] * 2
    assert _said(fold, _position(), START_US + SECOND // 4) == []
    events = [window("d", 3, START_US, late=1)]
    fold.apply(batch(INFERENCE_EVENTS.name, 3, events, [START_US], first=2))
    assert _said(fold, _position(), START_US + SECOND // 2) == []
    (again,) = _said(fold, _position(), START_US + SECOND)
    assert (again.total, again.bad, again.last_offset) == (30, 9, 2)
    assert again.event_id != cell.event_id


def test_the_end_of_a_bucket_is_told_at_once() -> None:
    fold = _fold(1)
    _said(fold, _position(), START_US)
    events = [window("d", 2, START_US + SECOND)]
    fold.apply(batch(INFERENCE_EVENTS.name, 3, events, [START_US + SECOND], first=1))
    later = _position(applied_through=1, high_stamp_us=START_US + SECOND)
    assert _said(fold, later, START_US + SECOND // 20) == []
    cell, *marks = _said(fold, later, START_US + SECOND // 10)
    assert cell.total == 10
    assert [mark.watermark for mark in marks] == [START_US - SECOND] * 2


def test_a_clock_that_was_set_back_holds_nothing_up() -> None:
    fold = _fold(1)
    _said(fold, _position(), START_US)
    events = [window("d", 2, START_US, late=1)]
    fold.apply(batch(INFERENCE_EVENTS.name, 3, events, [START_US], first=1))
    cell, *marks = _said(fold, _position(applied_through=1), START_US - HOUR)
    assert (cell.total, len(marks)) == (20, 2)


def test_a_window_sent_again_counts_once() -> None:
    fold = _fold(1, 2, 1, 2, 2)
    assert _said(fold, _position(), START_US)[0].total == 20


def test_the_watermark_follows_events_and_never_a_clock_that_is_ahead() -> None:
    fold = _fold(1, end_us=START_US - SECOND)
    assert fold.watermark_us == START_US - 3 * SECOND
    ahead = _fold(1, end_us=START_US + 60 * SECOND)
    assert ahead.watermark_us == START_US - 2 * SECOND


def test_an_idle_partition_goes_on_in_time_and_a_lagging_one_does_not() -> None:
    asked = START_US + 30 * SECOND
    idle = _said(_fold(1), _position(asked_us=asked), asked)[-1]
    assert (idle.ingest_ts, idle.watermark) == (asked - 2 * SECOND, asked - 4 * SECOND)
    lagging = _said(_fold(1), _position(asked_us=asked, end_offset=9), asked)[-1]
    assert (lagging.ingest_ts, lagging.watermark) == (START_US, START_US - 2 * SECOND)


def test_progress_that_says_nothing_new_is_not_repeated() -> None:
    fold = _fold(1)
    assert len(_said(fold, _position(), START_US)) == 3
    assert _said(fold, _position(), START_US + 5 * SECOND) == []


def _restored(fold: CountingFold) -> CountingFold:
    again = CountingFold([slo()], 3)
    again.restore(fold.snapshot())
    assert again.snapshot() == fold.snapshot()
    return again


def test_a_restored_fold_hands_on_what_the_other_had_not_yet() -> None:
    fold = _fold(1, 2)
    again = _restored(fold)
    assert _said(again, _position(), START_US) == _said(fold, _position(), START_US)
    assert {one.kind for one in _said(_restored(fold), _position(), START_US)} == {
        PartialKind.PROGRESS
    }


def test_a_restored_fold_goes_on_as_the_other_with_closed_cells_too() -> None:
    fold = _fold(1, 2)
    for hour, seconds in enumerate((HOUR, 2 * HOUR), 3):
        events = [window("d", hour, START_US + seconds, late=3)]
        fold.apply(batch(INFERENCE_EVENTS.name, 3, events, [START_US + seconds], first=hour))
        _said(fold, _position(), START_US + seconds)
    again = _restored(fold)
    late = [window("e", number, START_US, late=1) for number in (2, 3)]
    for one in (fold, again):
        one.apply(batch(INFERENCE_EVENTS.name, 3, late, [START_US + 2 * HOUR] * 2, first=5))
    assert again.snapshot() == fold.snapshot()
    cell = _said(again, _position(), START_US + 3 * HOUR)[0]
    assert (cell.total, cell.bad, cell.last_offset) == (40, 10, 6)
    assert len(cell.exemplars) == 4


def test_a_batch_of_refused_records_only_moves_the_offset() -> None:
    fold = _fold(1)
    events = [window("d", 2, START_US)]
    whole = batch(INFERENCE_EVENTS.name, 3, events, [START_US + 9], first=1)
    nothing = np.zeros(0, dtype=np.int64)
    empty = type(whole)(
        topic=whole.topic,
        partition=3,
        rows=whole.rows.slice(0, 0),
        offsets=nothing,
        stamps_us=nothing,
        last_offset=7,
        high_stamp_us=START_US + 9,
    )
    fold.apply(empty)
    cell = _said(fold, _position(), START_US)[0]
    assert (cell.total, cell.last_offset, cell.ingest_ts) == (10, 7, START_US + 9)


def test_a_deadline_that_no_slo_covers_is_told_once_and_not_judged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    fold = CountingFold([slo()], 0)
    events = [window("d", number, START_US, deadline_us=20_000) for number in range(3)]
    with caplog.at_level(logging.WARNING):
        fold.apply(batch(INFERENCE_EVENTS.name, 0, events, [START_US] * 3))
        kinds = {one.kind for one in _said(fold, _position(), START_US)}
    assert kinds == {PartialKind.PROGRESS}
    assert fold.tally["uncovered"] == 3
    (record,) = caplog.records
    assert "no SLO covers deadline_us=20000 (partition 0)" in record.message


def _count(key: str, bucket: int) -> CellCount:
    return CellCount((key, key), bucket, 10, 1, empty(), ())


def test_keys_beyond_the_limit_are_counted_together_and_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = slo(max_keys=2)
    held = Cells([made])
    with caplog.at_level(logging.WARNING):
        held.add(made, [_count(f"k{number}", 0) for number in range(5)])
    held.add(made, [_count("k1", 1)])
    found = {count.key[0]: count.total for _, count in held.hand_on(0) if count.bucket == 0}
    assert found == {"k0": 10, "k1": 10, OVERFLOW: 30}
    assert held.overflowed == 30
    (record,) = caplog.records
    assert "perception-latency has more than max_keys=2 keys" in record.message


def test_a_key_makes_room_once_its_cells_are_beyond_the_horizon_and_handed_on() -> None:
    made = slo(max_keys=1)
    held = Cells([made])
    held.add(made, [_count("k0", 0)])
    assert [count.key for _, count in held.hand_on(HORIZON_US)] == [("k0", "k0")]
    held.add(made, [_count("k1", 1)])
    assert [count.key for _, count in held.hand_on(HORIZON_US)] == [(OVERFLOW, OVERFLOW)]
    assert held.hand_on(HORIZON_US + 3 * SECOND) == []
    held.add(made, [_count("k1", 7 * HOUR // SECOND)])
    assert [count.key for _, count in held.hand_on(HORIZON_US)] == [("k1", "k1")]


def _tally(sizes: list[int], events: list[InferenceEvent], stamps: list[int]) -> CountingFold:
    fold, first = CountingFold([slo()], 0), 0
    for size in sizes:
        part = slice(first, first + size)
        fold.apply(batch(INFERENCE_EVENTS.name, 0, events[part], stamps[part], first))
        first += size
    fold.snapshot()  # nothing waits to be judged after it
    return fold


def test_many_windows_do_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.slo.counting.MAX_WAITING", 3)
    fold = CountingFold([slo()], 0)
    for first in range(3):
        assert fold.tally["uncovered"] == 0
        event = window("d", first + 1, START_US, deadline_us=20_000)
        fold.apply(batch(INFERENCE_EVENTS.name, 0, [event], [START_US], first))
    assert fold.tally["uncovered"] == 3


def test_what_is_late_or_too_old_does_not_depend_on_where_batches_end() -> None:
    ends = [0, 10 * SECOND, 5 * SECOND, 7 * HOUR, SECOND, 7 * HOUR + SECOND, HOUR // 2]
    events = [window("d", number, START_US + end) for number, end in enumerate(ends)]
    stamps = [START_US + 7 * HOUR + SECOND] * len(ends)
    whole = _tally([7], events, stamps)
    assert whole.tally == {"clamped": 0, "late": 3, "too_old": 2, "duplicate": 0, "uncovered": 0}
    for sizes in ([1] * 7, [3, 4], [5, 2]):
        split = _tally(sizes, events, stamps)
        assert (split.tally, split.watermark_us) == (whole.tally, whole.watermark_us)


def test_windows_of_tomorrow_and_of_last_week_are_counted_and_move_nobody_else() -> None:
    stamp = START_US + DAY
    events = [
        window("good", 1, stamp),
        window("ahead", 1, stamp + HOUR),
        window("old", 1, stamp - 7 * DAY),
        window("good", 1, stamp),
    ]
    fold = _tally([4], events, [stamp] * 4)
    assert fold.watermark_us == stamp - 2 * SECOND
    assert fold.tally == {"clamped": 1, "late": 1, "too_old": 1, "duplicate": 1, "uncovered": 0}
    (cell, *_) = _said(fold, _position(high_stamp_us=stamp), stamp)
    assert cell.total == 20


def test_robots_are_judged_by_their_own_slo() -> None:
    robots = slo(name="robot-latency", threshold_us=100_000, group_by=("device_class",))
    fold = CountingFold([slo(), robots], 3)
    robot = {"device_class": DeviceClass.ROBOT, "hardware": "OPTIMUS_G2", "deadline_us": 100_000}
    events = [
        window("car", 1, START_US, late=2),
        window("robot", 1, START_US, late=1, frames=7, **robot),
    ]
    fold.apply(batch(INFERENCE_EVENTS.name, 3, events, [START_US] * 2))
    said = {one.slo: one for one in _said(fold, _position(), START_US) if one.slo}
    assert {name: (one.total, one.bad) for name, one in said.items()} == {
        "perception-latency": (10, 2),
        "robot-latency": (7, 1),
    }
    assert said["robot-latency"].key == {"device_class": "ROBOT"}
    assert fold.tally["uncovered"] == 0


def test_a_window_in_which_nothing_was_due_moves_time_and_opens_no_cell() -> None:
    fold = CountingFold([slo()], 3)
    empty_window = window("canary", 1, START_US, frames=0, deadline_us=1)
    fold.apply(batch(INFERENCE_EVENTS.name, 3, [empty_window], [START_US]))
    assert fold.watermark_us == START_US - 2 * SECOND
    assert {one.kind for one in _said(fold, _position(), START_US)} == {PartialKind.PROGRESS}
    assert fold.tally["uncovered"] == 0


def test_a_label_with_a_newline_is_a_key_like_others_and_its_sides_add_up() -> None:
    made = slo(group_by=("release_id",))
    fold = CountingFold([made], 3)
    events = [
        window("a", 1, START_US, late=2, release_id="r\n1", hardware="HW3"),
        window("b", 1, START_US, late=1, release_id="r\n1", hardware="HW4"),
    ]
    for first, event in enumerate(events):
        fold.apply(batch(INFERENCE_EVENTS.name, 3, [event], [START_US], first))
    (cell, *_) = _said(fold, _position(), START_US)
    assert cell.key == {"release_id": "r\n1"}
    told = {(one.label, one.value): (one.total, one.bad) for one in cell.sides}
    region = events[0].region
    assert told == {
        ("hardware", "HW3"): (10, 2),
        ("hardware", "HW4"): (10, 1),
        ("region", region): (20, 3),
    }


def test_sides_beyond_the_limit_are_counted_together() -> None:
    many = [SideCount(label="release_id", value=f"r{at:02}", total=2, bad=1) for at in range(40)]
    merged = sides.merge(sides.merge((), many[:20]), many[20:])
    assert len(merged) == sides.MAX_VALUES + 1
    assert {one.value: one.total for one in merged}[OVERFLOW] == 16
    assert sides.merge(merged, ()) == merged


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"release_id": "x" * 10_000}, "release_id"),
        ({"expected": -1}, "expected"),
        ({"produced": 11}, "produced"),
        ({"late": 11}, "produced"),
        ({"late": -1}, "late"),
    ],
)
def test_a_window_that_contradicts_itself_is_refused_before_it_is_counted(
    over: dict[str, Any], field: str
) -> None:
    record = replace(window("d", 1, START_US), **over)
    with pytest.raises(RecordError) as error:
        check(INFERENCE_EVENTS, record, START_US)
    assert error.value.field == field
