"""Reads a stretch of a partition as it comes, where offsets may be without a record."""

import time
from collections.abc import Iterator
from typing import Final

from confluent_kafka import Consumer, KafkaError, TopicPartition

from infra.kafka.config import consumer_config
from infra.kafka.ends import Source
from infra.kafka.messages import RawMessage
from infra.kafka.ranges import RangeUnreadableError
from infra.settings import KafkaSettings

_PARTITION_EOF: Final = KafkaError._PARTITION_EOF  # noqa: SLF001 - public, but named so
_AT_ONCE: Final = 1_000
_POLL_S: Final = 0.02


def read_stretch(
    kafka: KafkaSettings, source: Source, first: int, last: int, timeout_s: float = 20.0
) -> Iterator[RawMessage]:
    """Records from offset `first` to `last` that the log holds, in order, few in memory at a time.

    Unlike `RangeReader` it does not wait for the last offset: compaction may have taken it, or a
    transaction's end may stand there.

    Raises:
        RangeUnreadableError: `first` is before the log's beginning, or nothing comes in time.
    """
    place = f"{source[0]}/{source[1]}:{first}-{last}"
    consumer = Consumer(
        consumer_config(kafka, "stretch")
        | {"enable.partition.eof": True, "isolation.level": "read_committed"}
    )
    try:
        consumer.assign([TopicPartition(*source, first)])
        deadline = time.monotonic() + timeout_s
        while True:
            messages = consumer.consume(_AT_ONCE, timeout=_POLL_S)
            if not messages and time.monotonic() > deadline:
                raise RangeUnreadableError(f"{place}: the broker gave nothing in {timeout_s:g} s")
            for message in messages:
                error = message.error()
                if error is not None and error.code() == _PARTITION_EOF:
                    return
                if error is not None and not error.retriable():
                    raise RangeUnreadableError(f"{place}: {error.str()}")
                if error is not None:
                    continue
                raw = RawMessage.of(message)
                if raw.offset <= last:
                    yield raw
                if raw.offset >= last:
                    return
                deadline = time.monotonic() + timeout_s
    finally:
        consumer.close()
