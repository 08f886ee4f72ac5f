"""Takes what the Kafka client has fetched: bare records, bounded by count and by bytes.

Faust's client makes an object of eleven fields of every record, which costs as much as decoding
it. Here the records are handed on as they come out of the fetched bytes.
"""

# ruff: noqa: SLF001 - aiokafka has no public names for what was fetched

import asyncio
import time
from collections.abc import Collection, Hashable
from typing import Any

from streams.fetched import Record


class Drained(list[Record]):
    """Records of one partition in log order.

    Attributes:
        size: Bytes of their keys, values and headers.
    """

    size = 0


async def drain(
    fetcher: Any, partitions: Collection[Hashable], timeout_s: float, max_records: int, size: int
) -> dict[Any, Drained]:
    """What has been fetched of some partitions, waiting for the first up to `timeout_s`.

    `aiokafka.consumer.fetcher.Fetcher.fetched_records` with a limit of bytes beside that of
    records; a record that reaches a limit is the last one taken.

    Args:
        fetcher: The client's fetcher, in the thread of its loop and inside its fetch context.
        partitions: Those wanted; none: all.
        timeout_s: How long to wait for the first record.
        max_records: Records taken at most, of all partitions.
        size: Bytes of keys, values and headers after which no further record is taken.

    Raises:
        KafkaError: Fetching one of the partitions failed.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        if fetcher._subscriptions.reassignment_in_progress:
            await fetcher._subscriptions.wait_for_assignment()
        drained = _fetched(fetcher, partitions, max_records, size)
        left_s = deadline - time.monotonic()
        if drained or left_s <= 0:
            return drained
        waiter = fetcher._create_fetch_waiter()
        await asyncio.wait([waiter], timeout=left_s)
        if not waiter.done():
            waiter.cancel()
            return {}
        waiter.result()


def _fetched(
    fetcher: Any, partitions: Collection[Hashable], max_records: int, size: int
) -> dict[Any, Drained]:
    """Everything that is there, oldest fetch first, up to the limits."""
    held: dict[Any, Any] = fetcher._records
    drained: dict[Any, Drained] = {}
    for partition in list(held):
        if partitions and partition not in partitions:
            if not fetcher._subscriptions.is_assigned(partition):
                del held[partition]
            continue
        found = held[partition]
        if hasattr(found, "check_raise"):
            if drained:  # told at the next call
                break
            _forget(fetcher, partition)
            found.check_raise()
        taken = _take(found, max_records, size)
        if not found.has_more():
            _forget(fetcher, partition)
        if taken:
            drained[partition] = taken
        max_records -= len(taken)
        size -= taken.size
        if max_records <= 0 or size <= 0:
            break
    return drained


def _forget(fetcher: Any, partition: Hashable) -> None:
    """Make room: the fetcher asks the broker for more of this partition."""
    del fetcher._records[partition]
    fetcher._notify(fetcher._wait_consume_future)


def _take(found: Any, max_records: int, size: int) -> Drained:
    taken = Drained()
    if not (found.check_assignment(found._topic_partition) and found.has_more()):
        return taken
    source = found._partition_records
    source._consumer_record = _bare
    append, held = taken.append, 0
    for record in source:
        append(record)
        held += len(record.value or b"") + len(record.key or b"")
        if record.headers:
            held += sum(len(name) + len(value or b"") for name, value in record.headers)
        if held >= size or len(taken) >= max_records:
            found._update_position()
            break
    else:
        found._update_position()
        found._partition_records = None
    taken.size = held
    return taken


def _bare(_partition: Hashable, record: Record) -> Record:
    return record
