"""What is missing and what is double: range arithmetic against sets of offsets, and refusals."""

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.clickhouse.completeness import (
    Finding,
    Kind,
    ReplayRefusedError,
    Run,
    Stretch,
    check_replay,
    duplicates,
    holes,
    joined,
    length,
    missing,
    refused_and_stored,
    shared,
    stretches,
    without,
)
from consumers.clickhouse.ledger import Entry, Pending
from consumers.clickhouse.ranges import Range

offsets = st.integers(min_value=0, max_value=40)
ranges = st.lists(
    st.tuples(offsets, offsets).map(lambda ends: Range(min(ends), max(ends))), max_size=8
)
stored = st.dictionaries(offsets, st.integers(min_value=1, max_value=3))


def every(found: Iterable[Range]) -> set[int]:
    return {offset for each in found for offset in range(each.first, each.last + 1)}


def runs_of(copies: dict[int, int]) -> tuple[Run, ...]:
    """As ClickHouse answers: for each number of copies its runs, by first offset."""
    found = [
        Run(each, number)
        for number in set(copies.values())
        for each in stretches(sorted(o for o, n in copies.items() if n == number))
    ]
    return tuple(sorted(found, key=lambda run: run.range.first))


def apart(found: Iterable[Range]) -> bool:
    ends = [(each.first, each.last) for each in found]
    return all(last + 1 < first for (_, last), (first, _) in pairwise(ends))


@given(ranges)
def test_joined_ranges_are_the_same_offsets_and_stand_apart(some: list[Range]) -> None:
    found = joined(some)
    assert every(found) == every(some)
    assert apart(found)
    assert length(found) == len(every(some))


@given(ranges, st.integers(min_value=0, max_value=5))
def test_ranges_joined_over_gaps_lie_further_apart_than_that(some: list[Range], gap: int) -> None:
    found = joined(some, gap)
    assert every(some) <= every(found)
    assert all(b.first - a.last - 1 > gap for a, b in pairwise(found))
    assert {each.first for each in found} <= {each.first for each in some}


@given(ranges, ranges)
def test_difference_and_intersection_are_those_of_sets(one: list[Range], two: list[Range]) -> None:
    assert every(without(one, two)) == every(one) - every(two)
    assert every(shared(one, two)) == every(one) & every(two)
    assert apart(without(one, two))


@given(st.sets(offsets))
def test_offsets_become_ranges_and_back(some: set[int]) -> None:
    found = stretches(sorted(some))
    assert every(found) == some
    assert apart(found)


@given(stored, st.sets(offsets), st.tuples(offsets, offsets))
def test_rows_letters_and_what_is_missing_are_the_whole_log(
    copies: dict[int, int], refused: set[int], ends: tuple[int, int]
) -> None:
    log = Range(min(ends), max(ends))
    lacking = missing(log, runs_of(copies), stretches(sorted(refused)))
    assert every(lacking) == every([log]) - set(copies) - refused


@given(stored, st.sets(offsets), st.sets(offsets))
def test_holes_hold_all_that_is_missing_and_no_row(
    copies: dict[int, int], refused: set[int], empty: set[int]
) -> None:
    """Letters and offsets without a record do not part a hole, a stored row does."""
    absent = set(range(41)) - set(copies) - refused - empty
    found = holes(stretches(sorted(absent)), runs_of(copies))
    for hole in found:
        inside = every([hole.range])
        assert not inside & set(copies)
        assert {hole.range.first, hole.range.last} <= absent
        assert hole.count == len(inside & absent)
    assert sum(hole.count for hole in found) == len(absent)
    for one, next_one in pairwise(found):
        assert set(range(one.range.last, next_one.range.first)) & set(copies)


@given(stored, st.sets(offsets))
def test_duplicates_are_the_rows_that_are_too_many(
    copies: dict[int, int], refused: set[int]
) -> None:
    found = duplicates(runs_of(copies))
    assert every(twice.range for twice in found) == {o for o, n in copies.items() if n > 1}
    assert apart(twice.range for twice in found)
    assert sum(twice.count for twice in found) == sum(n - 1 for n in copies.values())
    both = refused_and_stored(runs_of(copies), stretches(sorted(refused)))
    assert every(each.range for each in both) == set(copies) & refused


def test_a_hole_goes_on_over_a_dead_letter_and_ends_at_a_row() -> None:
    runs = (Run(Range(0, 9)), Run(Range(20, 30)))
    lacking = missing(Range(0, 39), runs, [Range(15, 15)])
    assert holes(lacking, runs) == [
        Finding(Kind.HOLE, Range(10, 19), 9),
        Finding(Kind.HOLE, Range(31, 39), 9),
    ]


def test_a_stretch_is_read_as_it_is_written() -> None:
    stretch = Stretch("inference-events", 3, Range(10, 19))
    assert str(stretch) == "inference-events/3:10-19"
    assert Stretch.parse(str(stretch)) == stretch


@pytest.mark.parametrize("text", ["", "a/1", "a/1:5", "a:1-2", "a/b:1-2", "a/1:1-2 ", "a/1:5-4"])
def test_what_is_no_stretch_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="range"):
        Stretch.parse(text)


WANTED = Stretch("alerts", 0, Range(10, 19))


@pytest.mark.parametrize(
    ("log", "entry", "message"),
    [
        (Range(0, 99), None, "group g has no position"),
        (Range(0, 99), Entry("t", 19), "stands at offset 19 with not read further yet"),
        (
            Range(0, 99),
            Entry("t", 15, Pending(Range(15, 30), 16, 0)),
            "offset 15 with range 15-30 pending",
        ),
        (Range(11, 99), Entry("t", 50), "Kafka holds offsets 11-99 only"),
        (None, Entry("t", 50), "Kafka holds nothing of it"),
    ],
)
def test_a_replay_that_would_double_or_lack_records_is_refused(
    log: Range | None, entry: Entry | None, message: str
) -> None:
    with pytest.raises(ReplayRefusedError, match=message):
        check_replay(WANTED, log, entry, group="g")


@pytest.mark.parametrize(
    "entry", [Entry("t", 20), Entry("t", 20, Pending(Range(20, 29), 10, 0)), Entry("t", 99)]
)
def test_what_the_sink_has_passed_may_be_replayed(entry: Entry) -> None:
    check_replay(WANTED, Range(10, 99), entry, group="g")
