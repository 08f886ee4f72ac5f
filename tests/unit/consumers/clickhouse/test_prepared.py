"""A prepared batch is cut by UTC day of ingest: each cut is one table partition, none is lost."""

import random

import pyarrow as pa
import pytest

from consumers.clickhouse.prepared import Prepared
from consumers.clickhouse.ranges import Range
from infra.kafka.message_columns import MessageColumns
from infra.kafka.messages import RawMessage

DAY_US = 86_400_000_000


def prepared(stamps: list[int]) -> Prepared:
    messages = MessageColumns.of(
        [
            RawMessage("t", 0, 10 + place, stamp, b"k", b"v", ())
            for place, stamp in enumerate(stamps)
        ]
    )
    rows = pa.record_batch({"_offset": pa.array([m.offset for m in messages], pa.int64())})
    return Prepared(rows, messages, (), 0)


def test_one_day_is_the_batch_itself_and_no_rows_are_no_part() -> None:
    whole = prepared([DAY_US, 2 * DAY_US - 1])
    assert whole.by_day() == [whole]
    assert prepared([]).by_day() == []


def test_midnight_parts_a_batch_in_log_order() -> None:
    before, after = prepared([DAY_US - 2, DAY_US - 1, DAY_US, DAY_US + 1]).by_day()
    assert (before.offsets(), after.offsets()) == (Range(10, 11), Range(12, 13))
    assert before.stamps_us() == (DAY_US - 2, DAY_US - 1)


@pytest.mark.parametrize("seed", range(10))
def test_stamps_in_any_order_give_parts_of_one_day_by_rising_last_offset(seed: int) -> None:
    draw = random.Random(seed)
    whole = prepared([draw.randrange(4 * DAY_US) for _ in range(50)])
    parts = whole.by_day()
    lasts = [part.offsets().last for part in parts]
    assert lasts == sorted(lasts)
    for part in parts:
        assert len({message.stamp_us // DAY_US for message in part.messages}) == 1
        assert part.rows.column("_offset").to_pylist() == [m.offset for m in part.messages]
    found = sorted(message.offset for part in parts for message in part.messages)
    assert found == [message.offset for message in whole.messages]
