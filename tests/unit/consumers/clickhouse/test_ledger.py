"""The ledger's line survives Kafka's string, and what is not ours is refused by name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.clickhouse.leases import WINDOW_BLOCKS, in_window
from consumers.clickhouse.ledger import Entry, LedgerError, Pending, agree, read_entry, token
from consumers.clickhouse.ranges import Range

WHERE = "group g, ota-acks/0"
KAFKA_METADATA_LIMIT = 4096

numbers = st.integers(min_value=0, max_value=2**62)


@given(numbers, numbers, numbers, st.booleans())
def test_a_line_read_back_is_the_line_written(
    position: int, length: int, block: int, pending: bool
) -> None:
    begun = Pending(Range(position, position + length), length, block) if pending else None
    entry = Entry("Tx7", position, begun)
    text = entry.metadata()
    assert len(text) < KAFKA_METADATA_LIMIT
    assert read_entry("other", position, text, where=WHERE) == entry


def test_an_offset_without_metadata_is_a_position() -> None:
    assert read_entry("Tx7", 12, "", where=WHERE) == Entry("Tx7", 12)


@pytest.mark.parametrize(
    "text", ["hi=99", "[]", "{}", '{"v":2,"topic":"a"}', '{"v":1,"topic":"a","hi":3,"n":1}']
)
def test_foreign_metadata_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(LedgerError, match="ota-acks/0: committed offset 12 has metadata"):
        read_entry("Tx7", 12, text, where=WHERE)


def test_a_range_that_ends_before_the_offset_is_refused() -> None:
    text = Entry("Tx7", 5, Pending(Range(5, 9), 5, 0)).metadata()
    with pytest.raises(LedgerError, match="range 12-9"):
        read_entry("Tx7", 12, text, where=WHERE)


def test_a_topic_made_again_stops_the_sink_and_names_both_ids() -> None:
    with pytest.raises(LedgerError, match=r"topic id old.*id is new.*FLEETLOOP_ADOPT_NEW_TOPIC"):
        agree(Entry("old", 9999), "new", adopt=False, where=WHERE)


def test_a_new_topic_adopted_on_purpose_starts_at_its_beginning() -> None:
    old = Entry("old", 9999, Pending(Range(9999, 10_500), 502, 3))
    assert agree(old, "new", adopt=True, where=WHERE) == Entry("new", 0)
    assert agree(old, "old", adopt=True, where=WHERE) is old


def test_tokens_differ_by_log_partition_range_and_table() -> None:
    tokens = {
        token("a", 0, Range(0, 9), "t"),
        token("b", 0, Range(0, 9), "t"),
        token("a", 1, Range(0, 9), "t"),
        token("a", 0, Range(0, 8), "t"),
        token("a", 0, Range(0, 9), "u"),
    }
    assert len(tokens) == 5


def test_a_pending_range_is_trusted_to_the_window_only_well_inside_it() -> None:
    pending = Pending(Range(0, 9), 10, 100)
    assert in_window(pending, 100)
    assert in_window(pending, 99 + WINDOW_BLOCKS // 2)
    assert not in_window(pending, 100 + WINDOW_BLOCKS // 2)
    assert not in_window(pending, 99)  # the table was emptied since
