"""How far each partition's log, and the sink's ledger about it, reach."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from consumers.clickhouse.ledger import Entry, read_entry
from consumers.clickhouse.ranges import Range
from infra.kafka.admin import Admin
from infra.kafka.ends import Source
from infra.kafka.positions import committed
from infra.kafka.ranges import RangeReader
from infra.settings import Settings


@dataclass(frozen=True, slots=True)
class PartitionLog:
    """One partition.

    Attributes:
        held: Offsets that Kafka holds; None when it holds none.
        entry: The sink's line of the ledger for this log, at its beginning where the sink has not
            begun; None when the group has no line at all.
    """

    topic_id: str
    held: Range | None
    entry: Entry | None

    @property
    def passed(self) -> Range | None:
        """Offsets that the sink says are stored; without a position, all that Kafka holds."""
        if self.held is None or self.entry is None:
            return self.held
        last = min(self.held.last, self.entry.position - 1)
        return Range(self.held.first, last) if last >= self.held.first else None

    @property
    def ahead(self) -> Range | None:
        """Offsets that the sink has not passed yet: pending or not read."""
        if self.held is None or self.entry is None or self.entry.position > self.held.last:
            return None
        return Range(max(self.held.first, self.entry.position), self.held.last)


def survey(settings: Settings, topics: Collection[str]) -> Mapping[Source, PartitionLog]:
    """All partitions of topics; the ledger is asked first, so what it passes is stored by now.

    A group without any line is not the sink's, or has lost its ledger.

    Raises:
        AdminError: The broker does not answer, or lacks a topic.
        KafkaUnreachableError: It does not tell positions or ends.
        LedgerError: The group's metadata is not the sink's.
    """
    counts = Admin(settings.kafka).describe(topics)
    sources = [(name, n) for name in sorted(counts) for n in range(counts[name].partitions)]
    positions = committed(settings.kafka, settings.sink.group, sources)
    begun = any(at.offset is not None for at in positions.values())
    logs = {}
    for span in RangeReader(settings.kafka).held(topics):
        source = span.topic, span.partition
        at = positions[source]
        entry = Entry(span.topic_id, span.first_offset) if begun else None
        if at.offset is not None:
            where = f"group {settings.sink.group}, {span.topic}/{span.partition}"
            told = read_entry(span.topic_id, at.offset, at.metadata, where=where)
            entry = told if told.topic_id == span.topic_id else entry
        held = None
        if span.last_offset >= span.first_offset:
            held = Range(span.first_offset, span.last_offset)
        logs[source] = PartitionLog(span.topic_id, held, entry)
    return logs
