"""A partition that turns bad stops the sink at a named offset; a few bad records do not."""

import pytest

from consumers.clickhouse.lanes import Closed
from consumers.clickhouse.letter_limits import (
    LetterLimits,
    LetterRule,
    TooManyLettersError,
)
from infra.kafka.message_columns import MessageColumns
from infra.kafka.messages import RawMessage

RULE = LetterRule(run=10, share=0.2)


def batch(first: int, count: int) -> Closed:
    messages = tuple(
        RawMessage("t", 0, offset, 0, b"k", b"v", ()) for offset in range(first, first + count)
    )
    return Closed.of(MessageColumns.of(messages))


def limits() -> LetterLimits:
    return LetterLimits("t/0", RULE)


def test_as_many_in_a_row_as_the_limit_are_letters_and_one_more_stops() -> None:
    limits().judge(batch(0, 100), set(range(50, 60)), "no")
    with pytest.raises(TooManyLettersError, match=r"t/0: the 11 records up to offset 60.*RUN=10"):
        limits().judge(batch(0, 100), set(range(50, 61)), "no")


def test_a_run_goes_on_over_batches_and_one_good_record_ends_it() -> None:
    over = limits()
    over.judge(batch(0, 6), set(range(6)), "no")
    with pytest.raises(TooManyLettersError, match="offset 10"):
        over.judge(batch(6, 6), set(range(6, 12)), "no")
    ended = limits()
    ended.judge(batch(0, 6), set(range(6)), "no")
    ended.judge(batch(6, 1), set(), "")
    ended.judge(batch(7, 6), set(range(7, 13)), "no")


def test_a_share_is_judged_over_a_whole_window_only() -> None:
    few = limits()
    few.judge(batch(0, 100), set(range(0, 100, 2)), "no")
    many = limits()
    many.judge(batch(0, 4_999), set(range(0, 1_000, 2)), "no")  # one record too few to judge
    with pytest.raises(TooManyLettersError, match=r"t/0: 21% of the 6999 records.*SHARE=0.2"):
        many.judge(batch(4_999, 2_000), set(range(4_999, 6_999, 2)), "late is -1")


def test_what_lies_behind_the_window_no_longer_counts() -> None:
    over = limits()
    over.judge(batch(0, 1_000), set(range(0, 1_000, 2)), "no")
    for number in range(5):
        over.judge(batch(1_000 * (number + 1), 1_000), set(), "")
    over.judge(batch(6_000, 1_000), set(range(6_000, 7_000, 2)), "no")
