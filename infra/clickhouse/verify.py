"""Compares the log with ClickHouse: rows + dead letters + erased = what the sink has passed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from consumers.clickhouse.client import native
from consumers.clickhouse.completeness import (
    Finding,
    Run,
    Stretch,
    duplicates,
    erased_and_stored,
    holes,
    length,
    refused_and_stored,
    shared,
)
from consumers.clickhouse.layout import table_name
from consumers.clickhouse.logs import PartitionLog, survey
from consumers.clickhouse.ranges import Range
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
        wrong: Holes, duplicates and erased rows, by topic and partition.
        notes: What a person should know and is not wrong.
    """

    wrong: list[Wrong] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class _There(NamedTuple):
    """What stands for the records of one partition."""

    runs: Sequence[Run]
    letters: Sequence[Range]
    erased: Sequence[Range]


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
            erased = presence.erased(topic)
            verdict.notes += _others(topic, presence.topic_id(topic), stored)
            for source in (each for each in logs if each[0] == topic):
                at = source[1]
                there = _There(stored.runs.get(at, ()), letters.get(at, ()), erased.get(at, ()))
                _compare(source, logs[source], presence, there, verdict)
    verdict.notes += _ahead(settings.sink.group, logs.items())
    return verdict


def _compare(
    source: Source,
    log: PartitionLog,
    presence: Presence,
    there: _There,
    verdict: Verdict,
) -> None:
    runs = there.runs
    lacking, empty = presence.lacking(source, log.passed, runs, [*there.letters, *there.erased])
    passed = [log.passed] if log.passed is not None else []
    if erased := length(shared(passed, there.erased)):
        verdict.notes.append(
            f"{source[0]}/{source[1]}: {erased} offsets are no holes: their devices were erased"
        )
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
    for back in erased_and_stored(runs, there.erased):
        verdict.wrong.append(Wrong(source, back, "start `fleetloop worker run erasure` again"))
    for both in refused_and_stored(runs, there.letters):
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
