"""Taking fetched records: nothing lost, changed or out of order, and never more than allowed."""

import asyncio
import gc
import weakref
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.consumer.fetcher import FetchError, FetchResult, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.structs import TopicPartition
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.draining import Drained, FetchedBytes, drain

PARTITIONS = [TopicPartition("t", 0), TopicPartition("t", 1)]
SMALL = st.none() | st.binary(max_size=20)
RECORDS = st.tuples(SMALL, SMALL, st.lists(st.tuples(st.text(max_size=3), SMALL), max_size=2))
LOGS = st.lists(st.lists(RECORDS, min_size=1, max_size=6), max_size=5)
Told = tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]


def fetched(log: Sequence[Sequence[Told]]) -> bytes:
    """A log as the broker sends it: record batches one after another."""
    parts, offset = [], 0
    for batch in log:
        builder = DefaultRecordBatchBuilder(
            magic=2,
            compression_type=0,
            is_transactional=0,
            producer_id=-1,
            producer_epoch=-1,
            base_sequence=-1,
            batch_size=1 << 20,
        )
        for place, (key, value, headers) in enumerate(batch):
            builder.append(place, 1_000 + offset + place, key, value, headers)
        made = bytearray(builder.build())
        made[0:8] = offset.to_bytes(8, "big")  # not covered by the checksum
        parts.append(bytes(made))
        offset += len(batch)
    return b"".join(parts)


class Assignment:
    """Where the client stands in each partition, as its subscription keeps it."""

    reassignment_in_progress, active = False, True

    def __init__(self, *partitions: TopicPartition) -> None:
        self.position = dict.fromkeys(partitions, 0)

    def is_assigned(self, partition: TopicPartition) -> bool:
        return partition in self.position

    def state_value(self, partition: TopicPartition) -> Any:
        def consumed_to(position: int) -> None:
            self.position[partition] = position

        position = self.position[partition]
        return SimpleNamespace(paused=False, position=position, consumed_to=consumed_to)


class Fetcher:
    """What a client's fetcher holds after fetching both partitions; asks for nothing more."""

    def __init__(self, *logs: bytes) -> None:
        self._subscriptions = Assignment(*PARTITIONS[: len(logs)])
        self._wait_consume_future = None
        self.asked = 0
        self._records: dict[Any, Any] = {}
        for partition, log in zip(PARTITIONS, logs, strict=False):
            check = True  # of checksums
            records = PartitionRecords(partition, FetchedBytes(log), None, 0, None, None, check, 0)
            self._records[partition] = FetchResult(
                partition, assignment=self._subscriptions, partition_records=records, backoff=0
            )

    def _notify(self, _future: None) -> None:
        self.asked += 1

    def _create_fetch_waiter(self) -> "asyncio.Future[None]":
        return asyncio.get_running_loop().create_future()


def take(fetcher: Fetcher, records: int, size: int) -> dict[Any, Drained]:
    return asyncio.run(drain(fetcher, frozenset(PARTITIONS), 0.0, records, size))


def told(drained: Drained) -> list[tuple[bytes | None, bytes | None]]:
    return list(zip(drained.records.keys, drained.records.values, strict=True))


@given(LOGS, LOGS, st.integers(1, 8), st.integers(1, 60))
@settings(max_examples=150, deadline=None)
def test_all_records_come_out_once_in_order_within_the_limits(
    first: list[list[Told]], second: list[list[Told]], records: int, size: int
) -> None:
    fetcher = Fetcher(fetched(first), fetched(second))
    found: dict[Any, list[Any]] = {partition: [] for partition in PARTITIONS}
    stamps: dict[Any, list[int]] = {partition: [] for partition in PARTITIONS}
    longest = max((len(batch) for batch in (*first, *second)), default=0)
    while fetcher._records:
        drained = take(fetcher, records, size)
        assert sum(len(each.records) for each in drained.values()) < records + max(longest, 1)
        for partition, each in drained.items():
            assert len(each.records) > 0
            assert each.size >= sum(len(k or b"") + len(v or b"") for k, v in told(each))
            assert each.records.offsets[0] == len(found[partition])
            found[partition] += told(each)
            stamps[partition] += each.records.stamps_ms.tolist()
            assert fetcher._subscriptions.position[partition] == len(found[partition])
    for partition, log in zip(PARTITIONS, (first, second), strict=True):
        assert found[partition] == [one[:2] for batch in log for one in batch]
        assert stamps[partition] == [1_000 + place for place in range(len(found[partition]))]
    assert fetcher.asked == 2


def test_one_partition_is_read_on_where_the_limit_cut_it() -> None:
    fetcher = Fetcher(fetched([[(None, b"12345", [])] * 2] * 2))
    assert take(fetcher, 10, 6)[PARTITIONS[0]].records.offsets.tolist() == [0, 1]
    assert fetcher.asked == 0
    assert take(fetcher, 10, 600)[PARTITIONS[0]].records.offsets.tolist() == [2, 3]
    assert fetcher.asked == 1
    assert take(fetcher, 10, 600) == {}


def test_a_fetch_that_begins_within_a_batch_gives_what_lies_behind_it() -> None:
    fetcher = Fetcher(fetched([[(None, b"%d" % at, []) for at in range(4)]]))
    found = fetcher._records[PARTITIONS[0]]
    found._partition_records.next_fetch_offset = fetcher._subscriptions.position[PARTITIONS[0]] = 3
    drained = take(fetcher, 10, 600)[PARTITIONS[0]]
    assert (drained.records.offsets.tolist(), told(drained)) == ([3], [(None, b"3")])


def test_what_was_taken_whole_is_freed_at_once() -> None:
    """The client's iterator refers to its owner: what it holds would wait for the collector."""
    fetcher = Fetcher(fetched([[(None, b"1", [])]]))
    source = fetcher._records[PARTITIONS[0]]._partition_records
    held, source = weakref.ref(source._records), None
    gc.disable()
    try:
        take(fetcher, 10, 600)
        assert held() is None
    finally:
        gc.enable()


def test_what_is_no_longer_assigned_is_let_go() -> None:
    fetcher = Fetcher(fetched([[(None, b"1", [])]]))
    fetcher._subscriptions = Assignment(TopicPartition("t", 9))
    drained = asyncio.run(drain(fetcher, {TopicPartition("t", 9)}, 0.0, 10, 10))
    assert (drained, fetcher._records) == ({}, {})


def test_a_failed_fetch_is_raised_after_what_came_before_it_was_taken() -> None:
    fetcher = Fetcher(fetched([[(None, b"1", [])]]), b"")
    error = CorruptRecordException("rotten")
    fetcher._records[PARTITIONS[1]] = FetchError(error=error, backoff=0)
    assert list(take(fetcher, 10, 10)) == [PARTITIONS[0]]
    with pytest.raises(CorruptRecordException, match="rotten"):
        take(fetcher, 10, 10)
    assert fetcher._records == {}


def test_waiting_ends_with_the_first_fetch_or_in_time() -> None:
    async def play() -> dict[Any, Drained]:
        fetcher, filled = Fetcher(), Fetcher(fetched([[(None, b"1", [])]]))
        fetcher._subscriptions = filled._subscriptions
        assert await drain(fetcher, frozenset(PARTITIONS), 0.01, 10, 10) == {}
        waiter = asyncio.get_running_loop().create_future()
        fetcher._create_fetch_waiter = lambda: waiter  # type: ignore[method-assign] # to end it
        waiting = asyncio.create_task(drain(fetcher, frozenset(PARTITIONS), 60.0, 10, 10))
        await asyncio.sleep(0)
        fetcher._records = filled._records
        waiter.set_result(None)
        return await waiting

    assert [len(each.records) for each in asyncio.run(play()).values()] == [1]
