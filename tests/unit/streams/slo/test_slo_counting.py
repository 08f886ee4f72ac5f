"""Stage one: limits, time, what is not covered, and a state that can be put down and taken up."""

import logging

import numpy as np
import pytest

from schemas.histograms import empty
from schemas.records import PartialKind, SloPartial
from schemas.topics import INFERENCE_EVENTS
from streams.processor import Position
from streams.slo import cells
from streams.slo.cells import HORIZON_US, OVERFLOW, Cells
from streams.slo.counting import CountingFold
from streams.slo.judging import CellCount
from tests.slo_log import HOUR, SECOND, START_US, batch, slo, window


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
    (again,) = _said(fold, _position(), START_US + SECOND // 2)
    assert (again.total, again.bad, again.last_offset) == (30, 9, 2)
    assert again.event_id != cell.event_id


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


def test_a_restored_fold_goes_on_as_the_other_and_hands_everything_on_again() -> None:
    fold = _fold(1, 2)
    first = _said(fold, _position(), START_US)
    again = CountingFold([slo()], 3)
    again.restore(fold.snapshot())
    assert again.snapshot() == fold.snapshot()
    assert _said(again, _position(), START_US) == first
    for one in (fold, again):
        events = [window("d", number, START_US + SECOND) for number in (2, 3)]
        one.apply(batch(INFERENCE_EVENTS.name, 3, events, [START_US + SECOND] * 2, first=2))
    assert again.snapshot() == fold.snapshot()


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
    assert fold.uncovered == 3
    (record,) = caplog.records
    assert "no SLO covers deadline_us=20000 (partition 0)" in record.message
    kinds = {one.kind for one in _said(fold, _position(), START_US)}
    assert kinds == {PartialKind.PROGRESS}


def _count(key: str, bucket: int) -> CellCount:
    return CellCount((key, key), bucket, 10, 1, empty(), ())


def test_keys_beyond_the_limit_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "MAX_KEYS", 2)
    made, held = slo(), Cells([slo()])
    held.add(made, [_count(f"k{number}", 0) for number in range(5)], 0)
    held.add(made, [_count("k1", 1)], 0)
    found = {count.key[0]: count.total for _, count in held.changed() if count.bucket == 0}
    assert found == {"k0": 10, "k1": 10, OVERFLOW: 30}
    assert held.overflowed == 30


def test_a_key_makes_room_once_its_cells_are_beyond_the_horizon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cells, "MAX_KEYS", 1)
    made, held = slo(), Cells([slo()])
    held.add(made, [_count("k0", 0)], 0)
    held.expire(HORIZON_US + SECOND)
    assert held.state() == []
    held.add(made, [_count("k1", 0)], HORIZON_US + SECOND)
    assert (held.too_old, held.state()) == (10, [])
    late = 7 * HOUR // SECOND
    held.add(made, [_count("k1", late)], HORIZON_US + SECOND)
    assert [count.key for _, count in held.changed()] == [("k1", "k1")]
