"""Reads exact stretches of the log, without a consumer group."""

import time
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from infra.kafka.admin import Admin
from infra.kafka.config import consumer_config
from infra.kafka.ends import LogEnds
from infra.kafka.errors import LogChangedError
from infra.kafka.messages import RawMessage
from infra.settings import KafkaSettings
from schemas.records import OffsetRange

_PARTITION_EOF: Final = KafkaError._PARTITION_EOF  # noqa: SLF001 - public, but named so
_POLL_RECORDS: Final = 2_000
_POLL_S: Final = 0.2


class RangeUnreadableError(RuntimeError):
    """A stretch of the log is gone or the broker does not give it out."""


class RangeReader:
    """Reads closed offset ranges; opens a connection only while reading.

    Offsets may be without a record: compaction takes some, the ends of transactions are none.

    Args:
        kafka: How to reach the log.
        timeout_s: How long the broker may give nothing new of a range.
    """

    def __init__(self, kafka: KafkaSettings, timeout_s: float = 20.0) -> None:
        self._kafka = kafka
        self._admin = Admin(kafka)
        self._timeout_s = timeout_s

    def held(self, topics: Collection[str]) -> list[OffsetRange]:
        """All that the log holds of topics now: a range for each partition, empty ones included.

        Raises:
            UnknownTopicError: There is no topic of a name.
            AdminError, KafkaUnreachableError: The broker does not tell.
        """
        found = self._admin.describe(topics)
        sources = [(name, n) for name in sorted(found) for n in range(found[name].partitions)]
        ends = LogEnds(self._kafka, "ranges-ends")
        try:
            # In this order: a log that loses its oldest records meanwhile still ends behind.
            first, end = ends.ask_begin(sources), ends.ask(sources)
        finally:
            ends.close()
        return [
            OffsetRange(
                topic=source[0],
                topic_id=found[source[0]].topic_id,
                partition=source[1],
                first_offset=first[source],
                last_offset=end[source] - 1,
            )
            for source in sources
        ]

    def read(self, ranges: Sequence[OffsetRange]) -> Iterator[RawMessage]:
        """The messages of the ranges, each range in log order, fetched while they are taken.

        Raises:
            LogChangedError: A range is of another log than the one that has the name now.
            RangeUnreadableError: A range begins before the log, or does not arrive in time.
        """
        if not ranges:
            return
        self._check_identity(ranges)
        consumer = Consumer(
            consumer_config(self._kafka, "ranges")
            | {"enable.partition.eof": True, "isolation.level": "read_committed"}
        )
        try:
            for span in ranges:
                yield from self._one(consumer, span)
        finally:
            consumer.close()

    def _check_identity(self, ranges: Sequence[OffsetRange]) -> None:
        ids = self._admin.topic_ids({span.topic for span in ranges})
        for span in ranges:
            if ids[span.topic] != span.topic_id:
                raise LogChangedError(
                    f"{_told(span)} is of the log {span.topic_id}, but topic {span.topic} is "
                    f"{ids[span.topic]} now: it was deleted and made again; nothing of it is read"
                )

    def _one(self, consumer: Consumer, span: OffsetRange) -> Iterator[RawMessage]:
        """Ends at the first sign that nothing of the range can follow."""
        consumer.assign([TopicPartition(span.topic, span.partition, span.first_offset)])
        at = span.first_offset
        while at <= span.last_offset:
            for place, raw in self._next(consumer, span, at):
                at = place
                if raw is not None and raw.offset <= span.last_offset:
                    yield raw

    def _next(
        self, consumer: Consumer, span: OffsetRange, at: int
    ) -> list[tuple[int, RawMessage | None]]:
        """What came: for each sign where reading goes on, and the record if it is one."""
        deadline = time.monotonic() + self._timeout_s
        while time.monotonic() < deadline:
            signs = [
                _sign(message, span) for message in consumer.consume(_POLL_RECORDS, timeout=_POLL_S)
            ]
            if any(place > at for place, _ in signs):
                return signs
        raise RangeUnreadableError(
            f"{_told(span)}: nothing from offset {at} on arrived in {self._timeout_s:g} s"
        )


def _sign(message: Message, span: OffsetRange) -> tuple[int, RawMessage | None]:
    """A record, or the log's end: every offset before it has been seen."""
    error = message.error()
    if error is None:
        raw = RawMessage.of(message)
        return raw.offset + 1, raw
    if error.code() == _PARTITION_EOF:
        return int(message.offset() or 0), None
    if error.retriable():
        return span.first_offset, None
    raise RangeUnreadableError(f"{_told(span)}: {error.str()}")


def _told(span: OffsetRange) -> str:
    return f"{span.topic}/{span.partition} [{span.first_offset}, {span.last_offset}]"
