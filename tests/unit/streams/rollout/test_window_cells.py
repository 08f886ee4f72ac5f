"""Calendar windows in both stages: who is counted where, and what closes a window for good."""

import itertools
from collections.abc import Sequence
from typing import Any, Final

import pytest

from schemas.topics import DISENGAGEMENTS, EDGE_CASES, INFERENCE_EVENTS
from streams.rollout import window_cells, window_tally
from streams.rollout.calendar_windows import KEPT, Calendar
from streams.rollout.cells import CellLimitError
from streams.rollout.event_fold import EventFold
from streams.rollout.policy import Policy
from streams.rollout.window_cells import WindowCells
from streams.rollout.window_fold import WindowFold
from streams.rollout.window_tally import WindowLimitError, WindowTally
from tests import factories
from tests.unit.streams.rollout.test_folds import batch, openings, proposals, window

SECOND: Final = 1_000_000
POLICY: Final = Policy(rate_window_s=100, lateness_s=20)
CALENDAR: Final = Calendar.of(POLICY)
AT: Final = CALENDAR.start(factories.STAMP_US)
DEADLINE: Final = AT + 120 * SECOND
KEY: Final = ("r1", "HW3")
SOURCE: Final = (DISENGAGEMENTS.name, 0)


def event(device: str, number: int, at_us: int, **changes: Any) -> Any:
    fields = {"event_id": f"{device}/1/{number}", "device_id": device, "release_id": "r1"}
    return factories.disengagement(**{**fields, "event_ts": at_us, **changes})


def events_fold() -> EventFold:
    return EventFold(POLICY, DISENGAGEMENTS.name, proposals)


def counts(fold: EventFold | WindowFold) -> list[tuple[tuple[str, str], int, int]]:
    return list(fold.windows.changed(0))


def test_a_window_closes_when_the_log_was_read_past_its_deadline_and_not_at_it() -> None:
    assert CALENDAR.start(AT) == AT == CALENDAR.start(AT + 100 * SECOND - 1)
    assert CALENDAR.deadline(AT) == DEADLINE
    assert not CALENDAR.closed(AT, DEADLINE)
    assert CALENDAR.closed(AT, DEADLINE + 1)


def test_a_device_has_at_most_one_event_in_a_window() -> None:
    fold = events_fold()
    told = [event("a", 1, AT), event("a", 2, AT + SECOND), event("b", 1, AT)]
    fold.apply(batch(DISENGAGEMENTS, [*told, event("a", 3, AT + 100 * SECOND)], stamp=DEADLINE))
    assert counts(fold) == [(KEY, AT, 2), (KEY, AT + 100 * SECOND, 1)]
    assert fold.cells.counts[KEY].events == 4, "the plain count has all of them"


def test_what_is_stamped_past_the_deadline_counts_in_no_window() -> None:
    fold = events_fold()
    fold.apply(batch(DISENGAGEMENTS, [event("a", 1, AT)], stamp=DEADLINE))
    fold.apply(batch(DISENGAGEMENTS, [event("b", 1, AT)], first=1, stamp=DEADLINE + 1))
    assert counts(fold) == [(KEY, AT, 1)]
    assert fold.windows.late == 1


def test_a_broker_whose_clock_steps_back_reopens_nothing() -> None:
    fold = events_fold()
    fold.apply(batch(DISENGAGEMENTS, [event("a", 1, AT)], stamp=DEADLINE))
    fold.apply(batch(DISENGAGEMENTS, [event("c", 1, AT + 300 * SECOND)], stamp=DEADLINE + 1))
    assert [start for _, start, _ in fold.windows.changed(fold.high_us)] == [
        AT,
        AT + 300 * SECOND,
    ]
    fold.apply(batch(DISENGAGEMENTS, [event("b", 1, AT)], first=2, stamp=DEADLINE - 5))
    assert counts(fold) == []


def test_a_closed_window_leaves_only_once_it_was_handed_on() -> None:
    fold = events_fold()
    fold.apply(batch(DISENGAGEMENTS, [event("a", 1, AT)], stamp=DEADLINE))
    fold.apply(batch(DISENGAGEMENTS, [], first=1, stamp=DEADLINE + 1))
    again = EventFold(POLICY, DISENGAGEMENTS.name, proposals, fold.snapshot())
    assert again.snapshot() == fold.snapshot()
    assert list(again.windows.changed(again.high_us)) == [(KEY, AT, 1)]
    assert list(again.windows.changed(again.high_us)) == []
    assert again.windows.state() == [0, []]


@pytest.mark.parametrize("cut", [1, 3])
def test_however_the_log_is_cut_into_batches_the_windows_are_the_same(cut: int) -> None:
    told = [event(f"d{number % 3}", number, AT + number * SECOND) for number in range(6)]
    whole, parts = events_fold(), events_fold()
    whole.apply(batch(DISENGAGEMENTS, told, stamp=DEADLINE))
    parts.apply(batch(DISENGAGEMENTS, told[:cut], stamp=DEADLINE))
    parts = EventFold(POLICY, DISENGAGEMENTS.name, proposals, parts.snapshot())
    parts.apply(batch(DISENGAGEMENTS, told[cut:], first=cut, stamp=DEADLINE))
    assert parts.snapshot() == whole.snapshot()


def test_edge_cases_are_events_by_the_moment_they_were_captured() -> None:
    fold = EventFold(POLICY, EDGE_CASES.name, proposals)
    one = factories.edge_case(event_id="a/1/1", device_id="a", release_id="r1", captured_ts=AT)
    fold.apply(batch(EDGE_CASES, [one], stamp=DEADLINE))
    assert counts(fold) == [(KEY, AT, 1)]


def test_distance_is_counted_in_whole_millimetres_by_the_window_it_began_in() -> None:
    fold = WindowFold(POLICY, proposals, openings, lambda *_: None)
    told = [
        window("a", number, late=0, window_start=AT + number * 40 * SECOND, distance_m=10.0004)
        for number in range(3)
    ]
    unknown = window("b", 1, late=0, window_start=AT, distance_m=None)
    fold.apply(batch(INFERENCE_EVENTS, [*told, unknown], stamp=DEADLINE))
    assert list(fold.windows.changed(0)) == [(KEY, AT, 30_000)]


def test_one_window_too_many_names_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window_cells, "MAX_WINDOWS", 1)
    cells = WindowCells(CALENDAR)
    cells.add(KEY, AT, 1)
    with pytest.raises(CellLimitError, match=r"MAX_WINDOWS=1 .* make rate_window_s longer"):
        cells.add(KEY, AT + 1, 1)


def told_tally(cells: Sequence[tuple[int, int, int]], now_us: int | None = None) -> WindowTally:
    """A tally told (source partition, offset, count) of one window."""
    tally = WindowTally(CALENDAR)
    for partition, offset, count in cells:
        source = (DISENGAGEMENTS.name, partition)
        tally.include(source, KEY, AT, (offset, 0), count, now_us)
    return tally


def test_sums_run_over_partitions_and_the_furthest_cell_counts_in_any_order() -> None:
    cells = [(0, 10, 3), (0, 20, 5), (1, 4, 7), (0, 10, 3)]
    for order in itertools.permutations(cells):
        assert told_tally(order).series(DISENGAGEMENTS.name, KEY) == {AT: 12}


def test_a_zombie_cannot_change_a_window_that_is_closed() -> None:
    tally = told_tally([(0, 20, 5), (1, 4, 7)])
    tally.settle(DEADLINE + 1)
    tally.include(SOURCE, KEY, AT, (10, 0), 3, DEADLINE + 1)
    tally.include(SOURCE, KEY, AT, (99, 0), 50, DEADLINE + 1)
    assert tally.series(DISENGAGEMENTS.name, KEY) == {AT: 12}
    again = WindowTally(CALENDAR)
    again.restore(tally.state())
    assert again.state() == tally.state()


def test_the_oldest_windows_leave() -> None:
    tally = told_tally([(0, 1, 5)])
    later = AT + KEPT * CALENDAR.length_us
    tally.include(SOURCE, KEY, later, (2, 0), 1, None)
    tally.settle(CALENDAR.deadline(AT) + 1)
    assert set(tally.series(DISENGAGEMENTS.name, KEY)) == {AT, later}
    tally.settle(CALENDAR.deadline(later) + 1)
    assert set(tally.series(DISENGAGEMENTS.name, KEY)) == {later}


def test_one_sum_too_many_names_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window_tally, "MAX_SUMS", 1)
    tally = told_tally([(0, 1, 5)])
    with pytest.raises(WindowLimitError, match=r"MAX_SUMS=1 .* make rate_window_s longer"):
        tally.include(SOURCE, KEY, AT + 1, (2, 0), 1, None)
