"""Faust's Kafka transport with whole fetched batches as messages and checkpoints as positions.

Stock Faust spends four tasks and a queue hop on each record. Here one message is all that a fetch
brought of a partition, its offset the last one's. Faust's acknowledgements then only tell whether
the agent is idle: where to read on comes from the checkpoints, never from what was acknowledged,
so an agent that fails cannot commit past what it has not done.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol, cast

from aiokafka.errors import ConsumerStoppedError
from faust.serializers.codecs import Codec as FaustCodec
from faust.serializers.codecs import register
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage, Message

from streams.draining import Drained, drain
from streams.fetched import FetchedBatch
from streams.processor import Source

BATCH_CODEC: Final = "fleetloop-record-batch"
MAX_CALL_BYTES: Final = 8 << 20
"""Bytes of records after which a call takes no further record batch; bounds a batch."""
FETCH_WAIT_MS: Final = 50
"""How long the broker may wait for records before it answers a fetch. Until then nothing else is
asked of it: with Faust's 1,500 ms a fetch of quiet partitions alone stops those that are full."""
MAX_HELD_BYTES: Final = 24 << 20
"""Bytes of records between fetch and fold beyond which no call is made: 32 MiB are never passed
by more than one record batch of a producer."""


class Positions(Protocol):
    """Where partitions are read on; owned by the worker."""

    async def open(self, sources: Iterable[Source]) -> Mapping[Source, int]:
        """Load the state of assigned partitions; offset of the first record each still needs."""

    def committable(self) -> Mapping[Source, int]:
        """Offset after the last one that a stored checkpoint includes, by partition."""


class PassThrough(FaustCodec):
    """Hands a batch to the agent as it is."""

    def _loads(self, s: Any) -> Any:
        return s

    def _dumps(self, s: Any) -> Any:
        return s


class RecordBatchThread(driver.AIOKafkaConsumerThread):
    """Faust's thread of the Kafka client, taking whole record batches by count and bytes."""

    def _create_worker_consumer(self, transport: driver.Transport) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001 - Faust has no setting for it
        return consumer

    async def _fetch_records(
        self,
        consumer: Any,
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109 - Faust's name
        max_records: int | None = None,
    ) -> Mapping[TP, Any]:
        if not self.consumer.flow_active:
            return {}
        fetcher = consumer._fetcher  # noqa: SLF001 - as Faust's own does
        if consumer._closed or fetcher._closed:  # noqa: SLF001 - as Faust's own does
            raise ConsumerStoppedError
        with fetcher._subscriptions.fetch_context():  # noqa: SLF001 - as Faust's own does
            return await drain(
                fetcher, active_partitions, timeout or 0.0, max_records or 1, MAX_CALL_BYTES
            )


class RecordBatchConsumer(driver.Consumer):
    """Delivers a `FetchedBatch` a message and starts where the checkpoints end.

    While `MAX_HELD_BYTES` wait to be folded nothing more is taken from the client, and the client
    asks the broker for nothing more: the log itself is the queue.
    """

    _room: asyncio.Future[None] | None = None

    def _new_consumer_thread(self) -> RecordBatchThread:
        return RecordBatchThread(self, loop=self.loop, beacon=self.beacon)

    @property
    def held_bytes(self) -> int:
        """Bytes of records delivered and not yet folded."""
        return sum(cast("FetchedBatch", one.value).size for one in self._unacked_messages)

    async def _getmany(
        self,
        active_partitions: set[TP] | None,
        timeout: float,  # noqa: ASYNC109 - Faust's name
    ) -> dict[TP, list[FetchedBatch]]:
        if self.held_bytes >= MAX_HELD_BYTES and not await self._folded(timeout):
            return {}
        fetched = cast("Mapping[TP, Drained]", await super()._getmany(active_partitions, timeout))
        at = time.monotonic()
        return {
            tp: [FetchedBatch(tp.topic, tp.partition, drained.records, at, drained.size)]
            for tp, drained in fetched.items()
        }

    async def _folded(self, timeout_s: float) -> bool:
        """Wait until less is held; False when it took longer than that."""
        deadline = time.monotonic() + timeout_s
        while self.held_bytes >= MAX_HELD_BYTES:
            self._room = asyncio.get_running_loop().create_future()
            try:
                await asyncio.wait_for(self._room, deadline - time.monotonic())
            except TimeoutError:
                return False
        return True

    def _to_message(self, tp: TP, record: FetchedBatch) -> ConsumerMessage:
        return ConsumerMessage(
            record.topic,
            record.partition,
            record.last_offset,
            int(record.records.stamps_ms[-1]) / 1_000,
            1,
            None,
            None,
            cast("bytes", record),  # Faust hands on whatever the codec lets pass
            None,
            -1,
            -1,
            tp,
            generation_id=self.app.consumer_generation_id,
        )

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek each assigned partition to the first record its state does not include."""
        assigned = {(tp.topic, tp.partition) for tp in self.assignment()}
        starts = await self._positions.open(assigned)
        seeks = {
            self._new_topicpartition(*source): offset
            for source, offset in starts.items()
            if self._new_topicpartition(*source) in self.assignment()
        }
        await self._thread.seek_wait(seeks)
        return seeks

    def on_buffer_full(self, tp: TP) -> None:
        """Go on fetching: the agent's full queue holds the fetcher up by itself.

        Faust would take the partition out, and sleep a second when all are out.
        """

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Offsets between two batches are no gaps here; the reader of batches judges gaps."""

    def ack(self, message: Message) -> bool:
        """Note that the agent is done with a batch; nothing becomes committable by it."""
        if message.acked:
            return False
        message.acked = True
        self._unacked_messages.discard(message)
        for waiting in (self._waiting_for_ack, self._room):
            if waiting is not None and not waiting.done():
                waiting.set_result(None)
        return True

    async def commit(
        self,
        topics: Any = None,  # noqa: ARG002 - Faust's
        start_new_transaction: bool = True,  # noqa: ARG002 - Faust's
    ) -> bool:
        """Commit what stored checkpoints include, for displays of lag; reading ignores it."""
        assigned = self.assignment()
        offsets = {
            tp: offset
            for source, offset in self._positions.committable().items()
            if (tp := self._new_topicpartition(*source)) in assigned
            and self._committed_offset[tp] != offset
        }
        if not offsets or not await self._commit(offsets):
            return False
        self._committed_offset.update(offsets)
        return True

    @property
    def _positions(self) -> Positions:
        return cast("Positions", self.app.positions)  # type: ignore[attr-defined] # of WorkerApp


class RecordBatchTransport(driver.Transport):
    """Kafka transport whose consumer is `RecordBatchConsumer`."""

    Consumer = RecordBatchConsumer


def register_codec() -> None:
    """Make the pass-through known to Faust; doing it again changes nothing."""
    register(BATCH_CODEC, PassThrough())
