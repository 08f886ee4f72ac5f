"""Compares the log with ClickHouse: rows + dead letters = what the sink has passed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from consumers.clickhouse.client import native
from consumers.clickhouse.completeness import (
    Finding,
    Run,
    Stretch,
    duplicates,
    holes,
    length,
    refused_and_stored,
)
from consumers.clickhouse.layout import table_name
from consumers.clickhouse.ranges import Range
from infra.clickhouse.logs import PartitionLog, survey
from infra.clickhouse.presence import Presence
from infra.clickhouse.stored import Stored
from infra.kafka.ends import Source
from infra.settings import Settings
from schemas.topics import TOPICS


@dataclass(frozen=True, slots=True)
class Wrong:
    """One finding, where it is, and what to do about it."""

    source: Source
    finding: Finding
    what_to_do: str


@dataclass(slots=True)
class Verdict:
    """What was found.

    Attributes:
        wrong: Holes and duplicates, by topic and partition.
        notes: What a person should know and is not wrong.
    """

    wrong: list[Wrong] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def verify(settings: Settings) -> Verdict:
    """Compare every topic.

    Raises:
        AdminError, KafkaUnreachableError, RangeUnreadableError: The log cannot be read.
        ClickHouseError: A table cannot be read; UnreachableError: ClickHouse does not answer.
        LedgerError: The group's metadata is not the sink's.
    """
    logs = survey(settings, TOPICS)
    verdict = Verdict()
    with native(settings.clickhouse) as client:
        presence = Presence(settings, client, logs)
        for topic in TOPICS:
            stored, letters = presence.rows(topic), presence.letters(topic)
            verdict.notes += _others(topic, presence.topic_id(topic), stored)
            for source in (each for each in logs if each[0] == topic):
                runs, refused = stored.runs.get(source[1], ()), letters.get(source[1], ())
                _compare(source, logs[source], presence, (runs, refused), verdict)
    verdict.notes += _ahead(settings.sink.group, logs.items())
    return verdict


def _compare(
    source: Source,
    log: PartitionLog,
    presence: Presence,
    there: tuple[Sequence[Run], Sequence[Range]],
    verdict: Verdict,
) -> None:
    runs, letters = there
    lacking, empty = presence.lacking(source, log.passed, runs, letters)
    if empty:
        verdict.notes.append(
            f"{source[0]}/{source[1]}: {empty} offsets are no holes: they hold no record "
            "(compaction, tombstones, transactions), or one older than the table's TTL"
        )
    table = table_name(source[0])
    for hole in holes(lacking, runs):
        stretch = Stretch(*source, hole.range)
        todo = f"fleetloop clickhouse replay {stretch}" if log.entry else "start the sink"
        verdict.wrong.append(Wrong(source, hole, todo))
    for twice in duplicates(runs):
        todo = f"OPTIMIZE TABLE {table} FINAL; sums of its rollups keep them"
        verdict.wrong.append(Wrong(source, twice, todo))
    for both in refused_and_stored(runs, letters):
        todo = f"a row and a dead letter each: delete the rows from {table}, or ignore the letters"
        verdict.wrong.append(Wrong(source, both, todo))


def _others(topic: str, topic_id: str, stored: Stored) -> Iterable[str]:
    for other, count in sorted(stored.others.items()):
        yield (
            f"{table_name(topic)}: {count} rows are of topic id {other}, not compared: the topic's "
            f"id is {topic_id}, it was deleted and made again"
        )


def _ahead(group: str, logs: Iterable[tuple[Source, PartitionLog]]) -> Iterable[str]:
    for (topic, partition), log in logs:
        if log.ahead is not None:
            yield (
                f"{topic}/{partition}: {length([log.ahead])} offsets from {log.ahead.first} on are "
                f"not yet passed by group {group}: not compared"
            )
