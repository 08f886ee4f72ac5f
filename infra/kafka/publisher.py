"""The one way records are written: idempotent, bounded, and promised only when acknowledged."""

import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final, Self

from confluent_kafka import KafkaError, KafkaException, Producer

from infra.kafka.config import LONGEST_BYTES, QUEUE_LIMIT_RECORDS, producer_config
from infra.kafka.errors import DeliveryError, QueueFullError
from infra.settings import KafkaSettings
from schemas.codec import Codec
from schemas.topics import TopicSpec

ANY_PARTITION: Final = -1
_WAIT_S: Final = 0.05


class Publisher:
    """Publishes records; safe to share between threads.

    `publish` only queues: what is promised is what `flush` returned for without an error.

    Args:
        client_id: Name of this program in the broker's logs.
        linger_s: How long a record may wait for others to share its request.
        delivery_timeout_s: After this a record that was not acknowledged has failed.
        queue_timeout_s: How long `publish` waits for room in the send queue.
        longest_bytes: Longest record, uncompressed.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        codec: Codec,
        client_id: str,
        *,
        linger_s: float = 0.02,
        delivery_timeout_s: float = 30.0,
        queue_timeout_s: float = 10.0,
        longest_bytes: int = LONGEST_BYTES,
    ) -> None:
        self._codec = codec
        self._queue_timeout_s = queue_timeout_s
        self._lock = threading.Lock()
        self._first_failure: tuple[str, str] | None = None
        self._failed = 0
        self._producer = Producer(
            producer_config(
                kafka,
                client_id,
                linger_s=linger_s,
                delivery_timeout_s=delivery_timeout_s,
                longest_bytes=longest_bytes,
            )
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(timeout_s=0.0 if error else 10.0)

    def publish(
        self,
        topic: TopicSpec,
        record: Any,
        *,
        partition: int | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        """Encode and queue one record, keyed by the field that the topic names.

        Raises:
            RecordError: The record does not fit the topic's schema.
            QueueFullError, DeliveryError: As `publish_bytes`.
        """
        key = str(getattr(record, topic.key)).encode()
        value = self._codec.encode(topic, record)
        self.publish_bytes(topic, key, value, partition=partition, headers=headers)

    def publish_bytes(
        self,
        topic: TopicSpec,
        key: bytes | None,
        value: bytes | None,
        *,
        partition: int | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        """Queue bytes as they are: replays, tombstones (`value` None), malformed records.

        Raises:
            QueueFullError: The queue stayed full; the message names its limit.
            DeliveryError: The client refuses the record, for example as too long.
        """
        where = ANY_PARTITION if partition is None else partition
        deadline = time.monotonic() + self._queue_timeout_s
        while True:
            try:
                self._producer.produce(
                    topic.name,
                    value=value,
                    key=key,
                    partition=where,
                    headers=list(headers) or None,
                    on_delivery=self._delivered,
                )
            except BufferError:
                self._wait_for_room(topic.name, deadline)
            except KafkaException as error:
                raise DeliveryError(topic.name, 1, error.args[0].str()) from error
            else:
                self._producer.poll(0)
                return

    def flush(self, timeout_s: float = 30.0) -> None:
        """Wait until all queued records are acknowledged.

        Raises:
            DeliveryError: Some failed since the last flush, or were not acknowledged in time.
        """
        waiting = self._producer.flush(timeout_s)
        with self._lock:
            first, self._first_failure = self._first_failure, None
            failed, self._failed = self._failed, 0
        if first is not None:
            raise DeliveryError(first[0], failed + waiting, first[1])
        if waiting:
            raise DeliveryError("(any)", waiting, f"no answer within {timeout_s} s")

    def close(self, timeout_s: float = 10.0) -> None:
        """Flush, then forget what could not be sent.

        Raises:
            DeliveryError: As `flush`, unless `timeout_s` is 0: then nothing is waited for.
        """
        try:
            if timeout_s:
                self.flush(timeout_s)
        finally:
            self._producer.purge()
            self._producer.flush(1.0)

    def _wait_for_room(self, topic: str, deadline: float) -> None:
        if time.monotonic() > deadline:
            raise QueueFullError(
                topic,
                len(self._producer),
                f"the send queue stayed at its limit of {QUEUE_LIMIT_RECORDS} records "
                f"for {self._queue_timeout_s} s; publish more slowly or look at the broker",
            )
        self._producer.poll(_WAIT_S)

    def _delivered(self, error: KafkaError | None, message: Any) -> None:
        if error is None:
            return
        with self._lock:
            self._failed += 1
            if self._first_failure is None:
                self._first_failure = (str(message.topic()), _reason(error, message))


def _reason(error: KafkaError, message: Any) -> str:
    if error.code() != KafkaError.MSG_SIZE_TOO_LARGE:
        return error.str()
    return (
        f"{error.str()}: a record of {len(message.value() or b''):,} bytes; raise "
        "max.message.bytes of this topic, or have shorter records sent"
    )
