"""Compacted logs: offsets without a record are passed over, and no range waits for one of them."""

from typing import Any

import pytest
from confluent_kafka import KafkaError, TopicPartition

from infra.kafka import ranges
from infra.kafka.ranges import RangeReader, RangeUnreadableError
from infra.settings import KafkaSettings
from schemas.records import OffsetRange

SPAN = OffsetRange(topic="devices", topic_id="id", partition=3, first_offset=2, last_offset=10)


class Message:
    """What the client hands over: a record, or an error in its place."""

    def __init__(self, offset: int, error: KafkaError | None = None) -> None:
        self._offset = offset
        self._error = error

    def error(self) -> KafkaError | None:
        return self._error

    def topic(self) -> str:
        return SPAN.topic

    def partition(self) -> int:
        return SPAN.partition

    def offset(self) -> int:
        return self._offset

    def timestamp(self) -> tuple[int, int]:
        return 2, self._offset

    def key(self) -> bytes:
        return b"k"

    def value(self) -> None:
        return None

    def headers(self) -> None:
        return None


class FakeConsumer:
    """Gives one batch of messages after the other."""

    batches: list[list[Message]]
    closed = 0

    def __init__(self, _config: dict[str, Any]) -> None:
        self.left = list(self.batches)

    def assign(self, partitions: list[TopicPartition]) -> None:
        assert [at.offset for at in partitions] == [SPAN.first_offset]

    def consume(self, _count: int, timeout: float) -> list[Message]:  # noqa: ARG002 - the client's signature
        return self.left.pop(0) if self.left else []

    def close(self) -> None:
        FakeConsumer.closed += 1


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> RangeReader:
    made = RangeReader(KafkaSettings(bootstrap="127.0.0.1:1"), timeout_s=0.05)
    monkeypatch.setattr(ranges, "Consumer", FakeConsumer)
    monkeypatch.setattr(made, "_check_identity", lambda _ranges: None)
    FakeConsumer.closed = 0
    return made


def test_offsets_without_a_record_are_passed_over(reader: RangeReader) -> None:
    FakeConsumer.batches = [[Message(4), Message(5)], [], [Message(9), Message(12), Message(13)]]
    assert [raw.offset for raw in reader.read([SPAN])] == [4, 5, 9]
    assert FakeConsumer.closed == 1


def test_a_range_whose_last_records_are_gone_ends_with_the_log(reader: RangeReader) -> None:
    end = Message(11, KafkaError(KafkaError._PARTITION_EOF))
    early = Message(5, KafkaError(KafkaError._PARTITION_EOF))  # the end as it was told too soon
    FakeConsumer.batches = [[Message(4), early], [Message(8), end]]
    assert [raw.offset for raw in reader.read([SPAN])] == [4, 8]


def test_an_end_before_the_range_ends_is_waited_for_and_then_an_error(reader: RangeReader) -> None:
    FakeConsumer.batches = [[Message(2), Message(3, KafkaError(KafkaError._PARTITION_EOF))]]
    with pytest.raises(RangeUnreadableError, match="nothing from offset 3 on"):
        list(reader.read([SPAN]))


def test_an_error_in_a_batch_is_said_before_anything_behind_it_is_taken(
    reader: RangeReader,
) -> None:
    gone = Message(0, KafkaError(KafkaError._AUTO_OFFSET_RESET, "out of range"))
    FakeConsumer.batches = [[Message(2)], [Message(3), gone]]
    messages = reader.read([SPAN])
    assert next(messages).offset == 2
    with pytest.raises(RangeUnreadableError, match=r"devices/3 \[2, 10\]: out of range"):
        next(messages)
    assert FakeConsumer.closed == 1


def test_a_reader_that_is_left_half_way_gives_its_connection_back(reader: RangeReader) -> None:
    FakeConsumer.batches = [[Message(2), Message(3)]]
    messages = reader.read([SPAN])
    assert next(messages).offset == 2
    del messages
    assert FakeConsumer.closed == 1
