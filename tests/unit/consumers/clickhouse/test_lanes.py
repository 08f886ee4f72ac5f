"""A lane closes on rows, bytes or age, replays a range exactly, and names missing offsets."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.clickhouse.lanes import Closed, CloseRule, Lane
from consumers.clickhouse.ledger import Entry, LedgerError, Pending, read_entry
from consumers.clickhouse.ranges import Range
from infra.kafka.message_columns import MessageColumns, size
from infra.kafka.messages import RawMessage

RULE = CloseRule(rows=10, bytes=1 << 20, age_s=0.5)
WHERE = "group g, ota-acks/0"


def message(offset: int, value: bytes = b"v" * 100) -> RawMessage:
    return RawMessage("ota-acks", 0, offset, 1_000 + offset, b"k", value, ())


def at(*offsets: int) -> MessageColumns:
    return MessageColumns.of([message(offset) for offset in offsets])


def messages(first: int, count: int) -> MessageColumns:
    return at(*range(first, first + count))


def lane(
    position: int = 0,
    pending: Pending | None = None,
    rule: CloseRule = RULE,
    *,
    fresh: bool = False,
    sparse: bool = False,
) -> Lane:
    return Lane(WHERE, Entry("Tx7", position, pending), rule, fresh=fresh, sparse=sparse)


def offsets(closed: Closed) -> list[int]:
    return [message.offset for message in closed.messages]


def test_it_closes_on_rows() -> None:
    full = lane()
    full.take(messages(0, 9), 0.0)
    assert not full.due(0.1)
    full.take(messages(9, 4), 0.1)
    assert full.due(0.1)
    assert offsets(full.close(0.1)) == list(range(10))
    assert full.closed is not None
    assert full.closed.range == Range(0, 9)


def test_it_closes_on_age_counted_from_the_oldest_message() -> None:
    old = lane()
    assert not old.due(100.0)
    old.take(messages(0, 1), 10.0)
    old.take(messages(1, 1), 10.4)
    assert not old.due(10.49)
    assert old.due(10.5)


def test_it_closes_on_bytes_and_a_batch_holds_no_more() -> None:
    heavy = lane(rule=CloseRule(rows=10, bytes=3 * size(message(0)), age_s=9.0))
    heavy.take(messages(0, 5), 0.0)
    assert heavy.due(0.0)
    assert offsets(heavy.close(0.0)) == [0, 1, 2]


def test_one_message_larger_than_the_limit_goes_alone() -> None:
    heavy = lane(rule=CloseRule(rows=10, bytes=50, age_s=9.0))
    heavy.take(messages(0, 2), 0.0)
    assert offsets(heavy.close(0.0)) == [0]


def test_nothing_is_closed_while_a_batch_is_written() -> None:
    busy = lane()
    busy.take(messages(0, 25), 0.0)
    busy.close(0.0)
    assert not busy.due(99.0)
    held = busy.bytes
    busy.written()
    assert busy.position == 10
    assert busy.bytes == held - 10 * size(message(0))
    assert busy.due(99.0)


def test_messages_taken_before_are_not_taken_again() -> None:
    again = lane()
    again.take(messages(0, 3), 0.0)
    again.take(messages(1, 4), 0.0)
    assert offsets(again.close(1.0)) == [0, 1, 2, 3, 4]


def test_a_hole_is_told_by_its_first_offsets_and_what_lies_around_it_is_taken() -> None:
    torn = lane(position=5)
    assert torn.hole(messages(5, 3)) is None
    assert torn.hole(at(7, 9)) == Range(5, 6)
    assert torn.hole(at(3, 4, 5, 9)) == Range(6, 8)
    torn.take(at(7, 9), 0.0)
    assert torn.close(1.0).range == Range(7, 9)


@given(st.none() | st.integers(0, 12), st.lists(st.integers(0, 12), min_size=1, max_size=6))
def test_holes_and_what_is_new_are_as_told_one_by_one(begun: int | None, come: list[int]) -> None:
    """Whatever a broker gives out: again, backwards or with gaps."""
    hole, new, expected = None, [], come[0] if begun is None else begun
    for offset in come:
        if offset > expected and hole is None:
            hole = Range(expected, offset - 1)
        if offset >= expected:
            new.append(offset)
            expected = offset + 1
    torn = lane(position=begun or 0, fresh=begun is None)
    assert torn.hole(at(*come)) == hole
    torn.take(at(*come), 0.0)
    assert torn.bytes == len(new) * size(message(0))
    assert torn.due(1.0) == bool(new)
    if new:
        assert offsets(torn.close(1.0)) == new


def test_a_fresh_group_begins_anywhere() -> None:
    fresh = lane(fresh=True)
    assert fresh.hole(messages(40, 2)) is None
    fresh.take(messages(40, 2), 0.0)
    assert fresh.close(1.0).range == Range(40, 41)
    assert fresh.hole(messages(50, 1)) == Range(42, 49)


def test_a_pending_range_is_replayed_exactly_then_it_goes_on() -> None:
    begun = Pending(Range(3, 6), 4, 77)
    back = lane(3, begun)
    back.take(messages(3, 2), 0.0)
    assert not back.due(99.0)  # older than the age, but not whole
    back.take(messages(5, 20), 0.0)
    closed = back.close(1.0)
    assert offsets(closed) == [3, 4, 5, 6]
    assert back.begin(block=500) == Entry("Tx7", 3, begun)  # keeps the block it was begun at
    back.written()
    assert back.replaying is None
    assert back.close(2.0).range == Range(7, 16)


def test_a_pending_range_that_lost_records_is_an_error_not_skipped() -> None:
    back = lane(3, Pending(Range(3, 6), 4, 0), sparse=False)
    back.take(at(3, 6, 7), 0.0)
    with pytest.raises(LedgerError, match=r"range 3-6 had 4 records .* the log now gives 2"):
        back.close(0.0)
    compacted = lane(3, Pending(Range(3, 6), 4, 0), sparse=True)
    compacted.take(messages(6, 2), 0.0)
    assert offsets(compacted.close(0.0)) == [6]


def test_a_count_that_does_not_fit_is_refused() -> None:
    back = lane(3, Pending(Range(3, 6), 3, 0))
    back.take(messages(3, 5), 0.0)
    with pytest.raises(LedgerError, match=r"range 3-6 had 3 records.*now gives 4"):
        back.close(0.0)


def test_the_ledger_names_the_closed_range_then_the_position_behind_it() -> None:
    one = lane()
    one.take(messages(0, 3), 0.0)
    one.close(1.0)
    begun = one.begin(block=5)
    assert begun == Entry("Tx7", 0, Pending(Range(0, 2), 3, 5))
    assert one.begin(block=6) == begun  # written into the ledger again, it is the same line
    one.written()
    assert one.passed() == Entry("Tx7", 3)


def test_without_a_closed_batch_nothing_can_be_begun_or_written() -> None:
    with pytest.raises(LedgerError, match="no batch is closed"):
        lane().begin(0)
    with pytest.raises(LedgerError, match="nothing was being written"):
        lane().written()


@pytest.mark.parametrize("seed", range(20))
def test_killed_anywhere_each_offset_is_written_under_one_token_only(seed: int) -> None:
    """Crash at random steps: the ranges written stay disjoint, or the same range is repeated."""
    rng = random.Random(seed)
    ledger = Entry("Tx7", 0)
    inserts: list[Range] = []
    end = 200
    now = 0.0
    while ledger.position < end or ledger.pending:
        life = Lane(WHERE, read_entry("Tx7", ledger.position, ledger.metadata(), where=WHERE), RULE)
        reached = life.position
        for _ in range(rng.randrange(1, 12)):
            taken = rng.randrange(0, 15)
            life.take(messages(reached, min(taken, end - reached)), now)
            reached = min(end, reached + taken)
            now += rng.random()
            if life.due(now):
                closed = life.close(now)
                ledger = life.begin(block=0)
                if rng.random() < 0.2:
                    break
                inserts.append(closed.range)
                if rng.random() < 0.2:
                    break
                life.written()
                if rng.random() < 0.5:
                    ledger = life.passed()
    seen = sorted(set(inserts), key=lambda found: found.first)
    assert [found.first for found in seen] == [0, *(found.last + 1 for found in seen[:-1])]
    assert seen[-1].last == end - 1
