"""Letters before rows: a letter that the log did not take never lets its range pass."""

import threading
from typing import Any

import pytest

from consumers.clickhouse.delivery import Delivery, Job, Outcome
from consumers.clickhouse.lanes import Closed
from consumers.clickhouse.leases import Lease
from consumers.clickhouse.patience import Patience
from consumers.clickhouse.preparation import Preparation
from infra.kafka.errors import DeliveryError
from infra.kafka.message_columns import MessageColumns
from infra.kafka.messages import RawMessage
from schemas.records import DeadLetter
from schemas.registry import FileRegistry
from schemas.topics import OTA_ACKS, TopicSpec

PREPARATION = Preparation(FileRegistry(), [OTA_ACKS])


class Letters:
    """A publisher that, as the real one, tells of failures since the last flush, to anyone."""

    def __init__(self) -> None:
        self.failed = 0

    def publish(self, topic: TopicSpec, record: DeadLetter) -> None:
        assert topic.name == "dead-letters"
        if record.partition == 0:
            self.failed += 1

    def flush(self) -> None:
        failed, self.failed = self.failed, 0
        if failed:
            raise DeliveryError("dead-letters", failed, "refused")


def job(partition: int) -> Job:
    message = RawMessage(OTA_ACKS.name, partition, 0, 1_000, b"k", b"\xffnot avro", ())
    return Job((OTA_ACKS.name, partition), "Tx", Closed.of(MessageColumns.of([message])))


def test_a_letter_that_failed_is_not_taken_along_by_the_flush_of_another_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    letters = Letters()
    unused: Any = object()
    delivery = Delivery(unused, unused, PREPARATION, letters, Patience(5.0), threading.Event())
    lease = Lease(60, {})
    other: list[object] = []

    def deliver_other() -> None:
        try:
            other.append(delivery.deliver(job(1), lease))
        except DeliveryError as error:
            other.append(error)

    thread = threading.Thread(target=deliver_other)
    publish = letters.publish

    def interleaved(topic: TopicSpec, record: DeadLetter) -> None:
        publish(topic, record)
        if record.partition == 0:  # the other thread runs between this letter and its flush
            thread.start()
            thread.join(0.3)

    monkeypatch.setattr(letters, "publish", interleaved)
    with pytest.raises(DeliveryError):
        delivery.deliver(job(0), lease)
    thread.join(5)
    assert other == [Outcome.WRITTEN]
