"""Takes what the Kafka client has fetched: whole record batches, bounded by count and by bytes.

The client makes an object of every record and Faust's client another one, which costs more than
decoding it. Here the fetched bytes are kept and unpacked in bulk.
"""

# ruff: noqa: SLF001 - aiokafka has no public names for what was fetched

import asyncio
import time
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from aiokafka.consumer import fetcher as client
from aiokafka.record.memory_records import MemoryRecords

from streams.fetched import Records
from streams.unpacking import Unpacked, batch_end, unpack


class FetchedBytes(MemoryRecords):  # type: ignore[misc] # aiokafka ships no types for it
    """What the broker sent of one partition, as the client keeps it, and the bytes themselves.

    Attributes:
        data: Record batches one after another; the last one may be cut off.
        at: Where the next one to be taken begins.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.data = data
        self.at = 0

    def take(self, *, check_crc: bool) -> Unpacked | None:
        """The next record batch; None: there is no whole one."""
        end = batch_end(self.data, self.at)
        if end is None:
            return None
        taken = unpack(self.data[self.at : end], check_crc=check_crc)
        self.at = end
        return taken


# The client's own class keeps the bytes where Python cannot reach them.
client.MemoryRecords = FetchedBytes


@dataclass(frozen=True, slots=True)
class Drained:
    """Records of one partition, and the bytes of them, unpacked."""

    records: Records
    size: int


async def drain(
    fetcher: Any, partitions: Collection[Hashable], timeout_s: float, max_records: int, size: int
) -> dict[Any, Drained]:
    """What has been fetched of some partitions, waiting for the first up to `timeout_s`.

    `aiokafka.consumer.fetcher.Fetcher.fetched_records` with a limit of bytes beside that of
    records; the record batch that reaches a limit is the last one taken.

    Args:
        fetcher: The client's fetcher, in the thread of its loop and inside its fetch context.
        partitions: Those wanted; none: all.
        timeout_s: How long to wait for the first record.
        max_records: Records, of all partitions, after which no further batch is taken.
        size: Bytes of records after which no further batch is taken.

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
        if taken is not None:
            drained[partition] = taken
            max_records -= len(taken.records)
            size -= taken.size
        if max_records <= 0 or size <= 0:
            break
    return drained


def _forget(fetcher: Any, partition: Hashable) -> None:
    """Make room: the fetcher asks the broker for more of this partition."""
    del fetcher._records[partition]
    fetcher._notify(fetcher._wait_consume_future)


def _take(found: Any, max_records: int, size: int) -> Drained | None:
    """The next record batches of one partition up to the limits; None: they hold no record."""
    if not (found.check_assignment(found._topic_partition) and found.has_more()):
        return None
    source, taken = found._partition_records, []
    # It refers to its owner: whatever was fetched would wait for the collector of cycles, 60 MB.
    source._records_iterator = None
    while max_records > 0 and size > 0:
        batch = source._records.take(check_crc=source._check_crcs)
        if batch is None:
            break
        # A fetch begins with the whole batch in which its first offset lies.
        known = int(np.searchsorted(batch.offsets, source.next_fetch_offset))
        taken.append((known, batch))
        source.next_fetch_offset = batch.next_offset
        max_records -= len(batch.values) - known
        size -= int(batch.sizes[known:].sum())
    found._update_position()
    if batch_end(source._records.data, source._records.at) is None:
        found._partition_records = None
    return _joined(taken)


def _joined(taken: Sequence[tuple[int, Unpacked]]) -> Drained | None:
    """The records of several batches, each from an index on."""
    parts = [
        (Records(one.offsets, one.stamps_ms, one.keys, one.values).since(known), one.sizes[known:])
        for known, one in taken
        if known < len(one.values)
    ]
    if not parts:
        return None
    return Drained(
        Records(
            np.concatenate([one.offsets for one, _ in parts]),
            np.concatenate([one.stamps_ms for one, _ in parts]),
            [key for one, _ in parts for key in one.keys],
            [value for one, _ in parts for value in one.values],
        ),
        int(sum(sizes.sum() for _, sizes in parts)),
    )
