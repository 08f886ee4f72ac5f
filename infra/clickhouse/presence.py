"""What stands for a record in ClickHouse: a row, a dead letter (or one on its way), an erasure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from consumers.clickhouse.client import Native
from consumers.clickhouse.completeness import Run, joined, length, missing, stretches, without
from consumers.clickhouse.logs import PartitionLog
from consumers.clickhouse.ranges import Range
from infra.clickhouse.stored import Stored, erased, kept_since_us, letters, rows
from infra.kafka.dead_letters import SINK_STAGE
from infra.kafka.ends import Source
from infra.kafka.messages import RawMessage
from infra.kafka.ranges import RangeReader
from infra.settings import KafkaSettings, Settings
from schemas.codec import Codec
from schemas.errors import RecordError
from schemas.records import DeadLetter, OffsetRange
from schemas.registry import registry_from
from schemas.topics import DEAD_LETTERS, TOPICS, Cleanup

# Ranges closer than this are read in one go: a new reader costs about as much.
_NEAR: Final = 10_000


class Presence:
    """Asks ClickHouse, and the log for what is on its way.

    Args:
        logs: Every partition of every topic, surveyed before.
    """

    def __init__(
        self, settings: Settings, client: Native, logs: Mapping[Source, PartitionLog]
    ) -> None:
        self._settings = settings
        self._client = client
        self._logs = logs
        self._on_the_way: list[tuple[str, int, int]] | None = None

    def topic_id(self, topic: str) -> str:
        """Identity of the topic now."""
        return self._logs[topic, 0].topic_id

    def rows(self, topic: str) -> Stored:
        """Rows of the topic's table."""
        return rows(self._client, topic, self.topic_id(topic))

    def letters(self, topic: str) -> Mapping[int, Sequence[Range]]:
        """Offsets of the topic whose record is a dead letter, by partition."""
        topic_id = self.topic_id(topic)
        stored = letters(self._client, topic, topic_id).runs
        found = {partition: [run.range for run in runs] for partition, runs in stored.items()}
        for identity, partition, offset in self._coming():
            if identity == topic_id:
                found.setdefault(partition, []).append(Range(offset, offset))
        return found

    def erased(self, topic: str) -> Mapping[int, Sequence[Range]]:
        """Offsets of the topic whose device was erased, by partition."""
        runs = erased(self._client, topic, self.topic_id(topic)).runs
        return {partition: [run.range for run in each] for partition, each in runs.items()}

    def lacking(
        self, source: Source, span: Range | None, runs: Iterable[Run], others: Sequence[Range]
    ) -> tuple[tuple[Range, ...], int]:
        """Records that should be there and are not, and how many other offsets are not there.

        Those others hold no record any more, or a tombstone, or one that the table's TTL has taken.

        Args:
            source: The partition.
            span: Where to look; None: nowhere.
            runs: Rows of the partition.
            others: Its dead letters, and its records of erased devices.
        """
        absent = missing(span, runs, others) if span is not None else ()
        compacted = TOPICS[source[0]].cleanup is Cleanup.COMPACT
        oldest_us = kept_since_us(self._client, source[0]) if absent else 0
        found = stretches(
            message.offset
            for message in records(self._settings.kafka, self.topic_id(source[0]), source, absent)
            if message.stamp_us >= oldest_us and (message.value is not None or not compacted)
        )
        return found, length(without(absent, found))

    def _coming(self) -> Sequence[tuple[str, int, int]]:
        """Topic id, partition and offset of records whose letter is not stored yet."""
        if self._on_the_way is None:
            self._on_the_way = list(self._read_letters())
        return self._on_the_way

    def _read_letters(self) -> Iterator[tuple[str, int, int]]:
        codec = Codec(registry_from(self._settings.registry_url))
        for source, log in self._logs.items():
            span = log.held if log.entry is None else log.ahead
            if source[0] != DEAD_LETTERS.name or span is None:
                continue
            for message in records(self._settings.kafka, log.topic_id, source, [span]):
                try:
                    letter = codec.decode(DEAD_LETTERS, message.value or b"")
                except RecordError:
                    continue  # the sink writes a letter about it
                if isinstance(letter, DeadLetter) and letter.stage == SINK_STAGE:
                    yield letter.topic_id, letter.partition, letter.offset


def records(
    kafka: KafkaSettings, topic_id: str, source: Source, ranges: Sequence[Range]
) -> Iterator[RawMessage]:
    """What the log holds of rising ranges. Raises as `RangeReader.read`."""
    at = 0
    sweeps = (
        OffsetRange(
            topic=source[0],
            topic_id=topic_id,
            partition=source[1],
            first_offset=sweep.first,
            last_offset=sweep.last,
        )
        for sweep in joined(ranges, _NEAR)
    )
    for message in RangeReader(kafka).read(list(sweeps)):
        while ranges[at].last < message.offset:
            at += 1
        if ranges[at].first <= message.offset:
            yield message
