"""Runs one processor: folds batches, hands on what it says, and stores its state; no Faust here.

All methods are called from one thread, so a processor never sees two at a time.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Final

from streams.checkpoints import Checkpoints
from streams.fetched import BatchReader, FetchedBatch
from streams.metrics import WorkerMetrics
from streams.partitions import Opening, Partition
from streams.ports import Ends, Following, Publishing
from streams.processor import Fact, Position, Processor, Source, Standing
from streams.storing import Storing

ASK_EVERY_S: Final = 1.0
CATCH_UP_S: Final = 10.0

logger = logging.getLogger("fleetloop.worker")


class Runner:
    """The state machine between a transport that delivers batches and a processor.

    Args:
        topic_ids: Identity of the log of each batched topic.
        following: Reader of the followed topics; None when there are none.
        disk: Where checkpoints are written, in one thread.
        check_logs: Called once a second; raises when a batched topic is not the log it was.
        checkpoint_interval_s: State is stored this often while it changes.
        clock_us: Wall clock, UTC microseconds; paces emissions and stamps the asking.
        monotonic: Seconds that never go back.
    """

    def __init__(
        self,
        processor: Processor,
        *,
        topic_ids: Mapping[str, str],
        reader: BatchReader,
        ends: Ends,
        following: Following | None,
        publisher: Publishing,
        checkpoints: Checkpoints,
        metrics: WorkerMetrics,
        disk: Executor,
        check_logs: Callable[[], None] = lambda: None,
        checkpoint_interval_s: float = 10.0,
        clock_us: Callable[[], int] = lambda: time.time_ns() // 1_000,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._processor = processor
        self._opening = Opening(
            processor,
            topic_ids=topic_ids,
            ends=ends,
            checkpoints=checkpoints,
            clock_us=clock_us,
            monotonic=monotonic,
        )
        self._reader = reader
        self._ends = ends
        self._following = following
        self._publisher = publisher
        self._storing = Storing(checkpoints, disk)
        self._metrics = metrics
        self._check_logs = check_logs
        self._interval_s = checkpoint_interval_s
        self._clock_us = clock_us
        self._monotonic = monotonic
        self._partitions: dict[Source, Partition] = {}
        self._committable: Mapping[Source, int] = {}
        self._caught_up_at = float("-inf")
        self._asked_at = float("-inf")

    @property
    def sources(self) -> frozenset[Source]:
        """Partitions that are open."""
        return frozenset(self._partitions)

    @property
    def committable(self) -> Mapping[Source, int]:
        """Offset after the last one that a stored checkpoint includes; safe from any thread."""
        return self._committable

    def start(self) -> None:
        """Read the followed topics to their ends, before the first record is folded."""
        self._catch_up_since(self._monotonic())

    def open(self, sources: Iterable[Source]) -> dict[Source, int]:
        """Make the state of exactly these partitions; offset of the first record each needs.

        Raises:
            OtherLogError: The state found is of another log of that name.
        """
        wanted = set(sources)
        self.close(self._partitions.keys() - wanted)
        for source in sorted(wanted - self._partitions.keys()):
            self._partitions[source] = self._opening.load(source)
        self._begin()
        self._note_committable()
        return {source: self._partitions[source].applied_through + 1 for source in wanted}

    def close(self, sources: Collection[Source]) -> None:
        """Store and forget the state of partitions that are taken away."""
        gone = {source for source in sources if source in self._partitions}
        self._save(gone, wait=True)
        for source in gone:
            del self._partitions[source]
            self._processor.drop(*source)
        self._note_committable()

    def take(self, fetched: FetchedBatch) -> None:
        """Fold a batch and hand on what the processor then says.

        Raises:
            GapError: Records before it are missing.
            CatchUpError: The followed topics could not be read to their ends.
            DeliveryError: Records were not acknowledged.
        """
        source = (fetched.topic, fetched.partition)
        partition = self._partitions.get(source)
        if partition is None:
            return
        refused = self._reader.refused[fetched.topic]
        batch = self._reader.read(fetched, partition.applied_through, partition.high_stamp_us)
        if batch is None:
            return
        self._catch_up_since(fetched.fetched_at)
        partition.fold.apply(batch)
        self._metrics.records.labels(fetched.topic).inc(
            batch.last_offset - partition.applied_through
        )
        self._metrics.batches.labels(fetched.topic).inc()
        self._metrics.refused.labels(fetched.topic).inc(
            self._reader.refused[fetched.topic] - refused
        )
        if partition.unread and partition.blind_before_us:
            partition.blind_before_us = int(fetched.records.stamps_ms[0]) * 1_000
        partition.unread = False
        partition.applied_through = batch.last_offset
        partition.high_stamp_us = batch.high_stamp_us
        self._emit()
        self._save_when_due()

    def tick(self) -> None:
        """What happens without records: facts, ends of logs, emissions, checkpoints.

        Raises:
            KafkaUnreachableError: The broker does not answer.
            LogChangedError: A topic was deleted and made again.
        """
        if self._following is not None:
            self._observe(self._following.poll())
        self._ask_ends()
        self._emit()
        self._save_when_due()

    def finish(self) -> None:
        """Store and forget everything, in order."""
        self.close(self.sources)

    def _begin(self) -> None:
        """Store states that are made from nothing before anything is read.

        What a state says of its own beginning (when its first reader started) then outlives one
        that dies early.
        """
        begun = [source for source, at in self._partitions.items() if not at.stored]
        if begun:
            self._emit()
            self._save(begun, wait=True)

    def _catch_up_since(self, moment: float) -> None:
        if self._following is None or self._caught_up_at > moment:
            return
        began = self._monotonic()
        self._observe(self._following.catch_up(CATCH_UP_S))
        self._caught_up_at = began

    def _observe(self, facts: Sequence[Fact]) -> None:
        if facts:
            self._processor.observe(facts)

    def _ask_ends(self) -> None:
        now = self._monotonic()
        if now - self._asked_at < ASK_EVERY_S:
            return
        self._asked_at = now
        self._check_logs()
        asked_us = self._clock_us()
        for source, end in self._ends.ask(self._partitions.keys()).items():
            partition = self._partitions[source]
            partition.end_offset, partition.asked_us = end, asked_us
            labels = (source[0], str(source[1]))
            self._metrics.lag.labels(*labels).set(max(0, end - partition.applied_through - 1))
            self._metrics.checkpoint_age.labels(*labels).set(now - partition.saved_at)

    def _emit(self) -> None:
        for outgoing in self._processor.emit(self._standing()):
            self._publisher.publish(outgoing.topic, outgoing.record, partition=outgoing.partition)
            self._metrics.published.labels(outgoing.topic.name).inc()

    def _standing(self) -> Standing:
        return Standing(
            now_us=self._clock_us(),
            partitions={
                source: Position(
                    topic_id=at.topic_id,
                    generation=at.generation,
                    applied_through=at.applied_through,
                    end_offset=at.end_offset,
                    asked_us=at.asked_us,
                    high_stamp_us=at.high_stamp_us,
                    blind_before_us=at.blind_before_us,
                )
                for source, at in self._partitions.items()
            },
        )

    def _save_when_due(self) -> None:
        if self._storing.busy:
            self._note_stored(wait=False)
        elif self._partitions:
            # One at a time: a snapshot holds up the log, and six in a row do so six times as long.
            source = min(self._partitions, key=lambda one: self._partitions[one].tried_at)
            if self._monotonic() - self._partitions[source].tried_at >= self._interval_s:
                self._save([source])

    def _save(self, sources: Collection[Source], *, wait: bool = False) -> None:
        """Have stored what changed; what was handed on is acknowledged first.

        Where the store does not take it (a full disk), the state stored before stays valid: the
        worker says so, goes on, and tries again when the next is due.
        """
        self._note_stored(wait=True)
        if sources:
            self._publisher.flush()
        for source in sources:
            partition = self._partitions[source]
            partition.tried_at = self._monotonic()
            if partition.stored and partition.applied_through == partition.saved_through:
                partition.saved_at = self._monotonic()
            else:
                self._storing.start(source, partition.checkpoint())
        self._note_stored(wait=wait)

    def _note_stored(self, *, wait: bool) -> None:
        for stored in self._storing.ended(wait=wait):
            (topic, number), partition = stored.source, self._partitions[stored.source]
            if stored.error is not None:
                self._metrics.checkpoint_failures.labels(topic).inc()
                logger.error(
                    "state of topic %s partition %d is not stored, that through offset %d is: %s",
                    *(topic, number, partition.saved_through, stored.error),
                )
                continue
            partition.saved_through, partition.stored = stored.checkpoint.applied_through, True
            partition.saved_at = self._monotonic()
            self._metrics.checkpoint_bytes.labels(topic, str(number)).set(
                len(stored.checkpoint.state)
            )
        self._note_committable()

    def _note_committable(self) -> None:
        self._committable = {
            source: at.saved_through + 1 for source, at in self._partitions.items()
        }
