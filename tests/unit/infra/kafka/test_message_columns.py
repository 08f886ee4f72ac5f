"""Columns of messages are the messages: whatever is cut, taken or joined, as a plain list would."""

from typing import Any

import numpy as np
from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Message
from hypothesis import given
from hypothesis import strategies as st

from infra.kafka.message_columns import MessageColumns, size
from infra.kafka.messages import RawMessage

SHORT = st.none() | st.binary(max_size=20)
HEADERS = st.lists(st.tuples(st.text(max_size=5), SHORT), max_size=2).map(tuple)
MESSAGES = st.lists(
    st.builds(
        RawMessage,
        topic=st.just("ota-acks"),
        partition=st.just(3),
        offset=st.integers(0, 2**62),
        stamp_us=st.integers(0, 2**40).map(lambda stamp_ms: stamp_ms * 1_000),
        key=SHORT,
        value=SHORT,
        headers=HEADERS,
    ),
    max_size=8,
)


def as_client(raw: RawMessage) -> Any:
    """The client's object of the same record."""
    return Message(
        topic=raw.topic,
        partition=raw.partition,
        offset=raw.offset,
        key=raw.key,
        value=raw.value,
        headers=list(raw.headers),
        timestamp=(TIMESTAMP_LOG_APPEND_TIME, raw.stamp_us // 1_000),
    )


def same(columns: MessageColumns, messages: list[RawMessage]) -> bool:
    """Every column and every message."""
    return (
        columns.offsets.tolist() == [message.offset for message in messages]
        and columns.stamps_us.tolist() == [message.stamp_us for message in messages]
        and columns.sizes.tolist() == [size(message) for message in messages]
        and columns.bytes == sum(map(size, messages))
        and list(columns.values) == [message.value for message in messages]
        and list(columns) == messages
        and len(columns) == len(messages)
    )


@given(MESSAGES)
def test_what_the_client_gave_out_is_what_was_read_before(messages: list[RawMessage]) -> None:
    assert same(MessageColumns.of(messages), messages)
    assert same(MessageColumns.read([as_client(raw) for raw in messages]), messages)


@given(MESSAGES, st.integers(-9, 9), st.integers(-9, 9), st.data())
def test_slices_choices_and_joins_are_those_of_a_list(
    messages: list[RawMessage], first: int, last: int, data: st.DataObject
) -> None:
    columns = MessageColumns.read([as_client(raw) for raw in messages])
    part = columns[first:last]
    assert same(part, messages[first:last])
    assert same(
        MessageColumns.joined([columns, part, columns]),
        [*messages, *messages[first:last], *messages],
    )
    places = data.draw(st.lists(st.sampled_from(range(len(messages))))) if messages else []
    assert same(columns.take(np.array(places, np.int64)), [messages[place] for place in places])
