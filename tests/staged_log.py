"""A log in memory under a processor of two stages, for tests: what was read, said and stored."""

from collections.abc import Sequence
from random import Random
from typing import Any, Generic, TypeVar

from schemas.facts import Fact
from schemas.records import Alert
from schemas.topics import ALERTS
from streams.processor import Outgoing, Position, Processor, Source, Standing
from tests.slo_log import SECOND, batch

P = TypeVar("P", bound=Processor)


class StagedLog(Generic[P]):
    """Partitions that are read by folds, facts that are read back, and a checkpoint.

    Attributes:
        logs: Records and stamps of each partition.
        facts: What the processor reads back: alerts, decisions.
        now_us: Time, UTC microseconds.
        alerts: What was said of alerts.
        folds: Of the processor that runs, by partition.
    """

    def __init__(self, sources: Sequence[Source], now_us: int) -> None:
        self.now_us = now_us
        self.alerts: list[Alert] = []
        self.logs: dict[Source, list[tuple[Any, int]]] = {at: [] for at in sources}
        self.facts: list[Fact] = []
        self._stored: tuple[dict[Source, bytes], dict[Source, int]] = ({}, {})

    def checkpoint(self, *sources: Source) -> None:
        """Store the state of some partitions, of all when none is named."""
        states, applied = self._stored
        named = sources or tuple(self.logs)
        self._stored = (
            states | {at: self.folds[at].snapshot() for at in named},
            applied | {at: self.applied[at] for at in named},
        )

    def begin(self, processor: P) -> None:
        """A new process, from the last checkpoint."""
        states, applied = self._stored
        self.applied = {at: applied.get(at, -1) for at in self.logs}
        self.processor = processor
        self._facts_read = 0
        self._generations = {
            topic.name: processor.generation(topic, f"id-{topic.name}")
            for topic in processor.batched
        }
        self.folds: dict[Source, Any] = {
            at: processor.fold(*at, states.get(at)) for at in self.logs
        }
        self.catch_up()

    def read(self, at: Source, split: Random | None) -> None:
        """Read a partition to its end, in batches of sizes drawn from `split` when it is given."""
        self.catch_up()
        log = self.logs[at]
        while (first := self.applied[at] + 1) < len(log):
            size = len(log) if split is None else split.randint(1, 50)
            records, stamps = zip(*log[first : first + size], strict=True)
            made = batch(at[0], at[1], records, stamps, first)
            self.folds[at].apply(made)
            self.applied[at] = made.last_offset

    def said(self) -> tuple[Sequence[Outgoing], int]:
        """What the processor says beside alerts, which become facts; and how much with them."""
        partitions = {at: self._position(at) for at in self.logs}
        told = self.processor.emit(Standing(now_us=self.now_us, partitions=partitions))
        for outgoing in told:
            if outgoing.topic is ALERTS:
                self.alerts.append(outgoing.record)
                self.fact(ALERTS.name, outgoing.record)
        return [one for one in told if one.topic is not ALERTS], len(told)

    def fact(self, topic: str, record: Any) -> None:
        """A record that is read back; whoever writes several reads them afterwards."""
        self.facts.append(
            Fact(
                topic=topic,
                partition=0,
                offset=len(self.facts),
                stamp_us=self.now_us,
                record=record,
            )
        )

    def catch_up(self) -> None:
        """Read back all facts."""
        self.processor.observe(self.facts[self._facts_read :])
        self._facts_read = len(self.facts)

    def _position(self, at: Source) -> Position:
        log, applied = self.logs[at], self.applied[at]
        return Position(
            topic_id=f"id-{at[0]}",
            generation=self._generations[at[0]],
            applied_through=applied,
            end_offset=len(log),
            asked_us=self.now_us + 2 * SECOND - 1,
            high_stamp_us=max((stamp for _, stamp in log[: applied + 1]), default=0),
        )
