"""Topics in memory and the gate's processor over them, for replays, simulations and tests."""

from collections.abc import Mapping
from typing import Any, Final

from schemas.catalogue import load_catalogue
from schemas.decisions import ReleaseBook
from schemas.facts import Fact
from schemas.signing import Keyring, Signer
from schemas.topics import TopicSpec
from streams.processor import BROKER_SLACK_US, Fold, LogBatch, Outgoing, Position, Source, Standing
from streams.rollout.ack_fold import AckFold
from streams.rollout.agent import RolloutProcessor
from streams.rollout.batches import Batches
from streams.rollout.partitioning import partition_of
from streams.rollout.policy import Policy

BATCHED: Final = RolloutProcessor.batched
FOLLOWED: Final = RolloutProcessor.followed


class MemoryLogs:
    """Topics in memory, stamped by one clock.

    Attributes:
        now: Broker's stamp of what is written next, UTC microseconds.
    """

    def __init__(self, now: int) -> None:
        self.records: dict[Source, list[tuple[int, Any]]] = {}
        self.now = now

    def append(self, spec: TopicSpec, record: Any, partition: int | None = None) -> Source:
        """Write a record where its key belongs; the partition it is in."""
        if partition is None:
            partition = partition_of(str(getattr(record, spec.key)), spec.partitions)
        source = (spec.name, partition)
        self.records.setdefault(source, []).append((self.now, record))
        return source

    def of(self, spec: TopicSpec) -> list[Any]:
        """Every record of a topic, by partition."""
        return [
            record
            for number in range(spec.partitions)
            for _, record in self.records.get((spec.name, number), [])
        ]


class LogWorker:
    """The gate's processor with all partitions, fed from the logs as the runtime would.

    Args:
        state: Checkpoints to go on from, as `save` gave them.
    """

    def __init__(
        self,
        logs: MemoryLogs,
        policy: Policy,
        *,
        signer: Signer,
        keyring: Keyring,
        state: Mapping[Source, Any] | None = None,
    ) -> None:
        self._logs, self._batches = logs, Batches()
        self._facts_at: dict[Source, int] = {}
        self.processor = RolloutProcessor(
            policy=policy,
            signer=signer,
            keyring=keyring,
            hardware=load_catalogue().hardware,
            codec=self._batches.codec,
            partitions={spec.name: spec.partitions for spec in BATCHED},
        )
        self.generations = {
            spec.name: self.processor.generation(spec, f"id-{spec.name}")
            for spec in self.processor.batched
        }
        self._observe()
        self._folds: dict[Source, Fold] = {}
        self._at: dict[Source, tuple[int, int]] = {}
        for spec in BATCHED:
            for number in range(spec.partitions):
                self._open(spec, number, (state or {}).get((spec.name, number)))

    @property
    def book(self) -> ReleaseBook:
        """What the log of decisions amounts to, as far as it was read."""
        return self.processor.book

    @property
    def silent_from_us(self) -> int | None:
        """When the next open attempt will have been silent for too long."""
        due = (fold.due_us for fold in self._folds.values() if isinstance(fold, AckFold))
        return min((at for at in due if at is not None), default=None)

    def save(self) -> dict[Source, Any]:
        """Checkpoints of all partitions."""
        return {source: (fold.snapshot(), self._at[source]) for source, fold in self._folds.items()}

    def run(self) -> list[Outgoing]:
        """Read everything there is, as the runtime does, and say what is to be published."""
        self._observe()
        for source, fold in self._folds.items():
            batch = self._batch(source)
            if batch is not None:
                fold.apply(batch)
                self._at[source] = (batch.last_offset, batch.high_stamp_us)
        return list(self.processor.emit(self._standing()))

    def _open(self, spec: TopicSpec, number: int, saved: Any) -> None:
        source = (spec.name, number)
        snapshot, at = saved or (None, (-1, 0))
        self._folds[source] = self.processor.fold(spec.name, number, snapshot)
        self._at[source] = at

    def _observe(self) -> None:
        for spec in FOLLOWED:
            for number in range(spec.partitions):
                self.processor.observe(self._news(spec.name, number))

    def _news(self, topic: str, partition: int) -> list[Fact]:
        source = (topic, partition)
        log, begin = self._logs.records.get(source, []), self._facts_at.get(source, 0)
        self._facts_at[source] = len(log)
        return [_fact(source, offset, *told) for offset, told in enumerate(log[begin:], begin)]

    def _batch(self, source: Source) -> LogBatch | None:
        begin, high_us = self._at[source][0] + 1, self._at[source][1]
        log = self._logs.records.get(source, [])[begin:]
        facts = [_fact(source, offset, *told) for offset, told in enumerate(log, begin)]
        return self._batches.of(facts, high_us) if facts else None

    def _standing(self) -> Standing:
        # Asked just so late that the logs are known to be read up to now.
        asked_us = self._logs.now + BROKER_SLACK_US
        return Standing(
            now_us=self._logs.now,
            partitions={
                source: Position(
                    topic_id=f"id-{source[0]}",
                    generation=self.generations[source[0]],
                    applied_through=offset,
                    end_offset=len(self._logs.records.get(source, [])),
                    asked_us=asked_us,
                    high_stamp_us=stamp,
                )
                for source, (offset, stamp) in self._at.items()
            },
        )


def _fact(source: Source, offset: int, stamp_us: int, record: Any) -> Fact:
    topic, partition = source
    return Fact(topic=topic, partition=partition, offset=offset, stamp_us=stamp_us, record=record)
