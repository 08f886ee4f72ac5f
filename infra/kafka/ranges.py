"""Reads exact stretches of the log, without a consumer group."""

import time
from collections.abc import Sequence

from confluent_kafka import Consumer, KafkaException, TopicPartition

from infra.kafka.messages import RawMessage
from infra.settings import KafkaSettings
from schemas.records import OffsetRange


class RangeUnreadableError(RuntimeError):
    """A stretch of the log is gone or the broker does not give it out."""


class RangeReader:
    """Reads closed offset ranges; opens a connection only while reading.

    Args:
        kafka: How to reach the log.
        timeout_s: How long one range may make no progress.
    """

    def __init__(self, kafka: KafkaSettings, timeout_s: float = 20.0) -> None:
        self._config = {
            **kafka.client_config(),
            "group.id": "fleetloop.ranges",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "isolation.level": "read_committed",
        }
        self._timeout_s = timeout_s

    def read(self, ranges: Sequence[OffsetRange]) -> list[RawMessage]:
        """All messages of the ranges, each range in log order.

        Raises:
            RangeUnreadableError: A range begins before the log, or does not arrive in time.
        """
        if not ranges:
            return []
        consumer = Consumer(self._config)
        try:
            return [message for span in ranges for message in self._one(consumer, span)]
        finally:
            consumer.close()

    def _one(self, consumer: Consumer, span: OffsetRange) -> list[RawMessage]:
        place = f"{span.topic}/{span.partition} [{span.first_offset}, {span.last_offset}]"
        consumer.assign([TopicPartition(span.topic, span.partition, span.first_offset)])
        found: list[RawMessage] = []
        deadline = time.monotonic() + self._timeout_s
        at = span.first_offset
        while at <= span.last_offset:
            if time.monotonic() > deadline:
                raise RangeUnreadableError(f"{place}: nothing after offset {at - 1} in time")
            for message in consumer.consume(num_messages=5000, timeout=0.2):
                if message.error() is not None:
                    raise RangeUnreadableError(f"{place}: {message.error()}") from KafkaException(
                        message.error()
                    )
                deadline = time.monotonic() + self._timeout_s
                raw = RawMessage.of(message)
                at = raw.offset + 1
                if raw.offset <= span.last_offset:
                    found.append(raw)
        return found
