"""What of a partition's log is missing in ClickHouse, or is there more than once; pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from consumers.clickhouse.ledger import Entry
from consumers.clickhouse.ranges import Place, Range

_STRETCH: Final = re.compile(r"(?P<topic>[^/:]+)/(?P<partition>\d+):(?P<first>\d+)-(?P<last>\d+)")


class Kind(StrEnum):
    """What is wrong with a range."""

    HOLE = "HOLE"
    DUPLICATE = "DUPLICATE"
    ERASED = "ERASED"  # rows whose device was erased: they came back, or are about to go


class ReplayRefusedError(RuntimeError):
    """A range cannot be replayed; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Run:
    """Offsets without a gap between them, each with the same number of rows."""

    range: Range
    copies: int = 1


@dataclass(frozen=True, slots=True)
class Finding:
    """A range in which something is wrong.

    Attributes:
        range: From the first to the last offset that is wrong.
        count: Records that are missing, or rows that are too many.
    """

    kind: Kind
    range: Range
    count: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """A range of a partition, written `topic/partition:first-last`."""

    topic: str
    partition: int
    range: Range

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}:{self.range}"

    @staticmethod
    def parse(text: str) -> "Stretch":
        """Raises ValueError when the text has another form."""
        match = _STRETCH.fullmatch(text)
        if match is None:
            raise ValueError(f"range {text!r}: write TOPIC/PARTITION:FIRST-LAST")
        ends = Range(int(match["first"]), int(match["last"]))
        return Stretch(match["topic"], int(match["partition"]), ends)


def joined(ranges: Iterable[Range], apart: int = 0) -> tuple[Range, ...]:
    """Rising ranges that neither overlap nor touch, of the same offsets.

    Args:
        ranges: In any order.
        apart: Ranges with at most so many offsets between them are one, these offsets included.
    """
    found: list[Range] = []
    for each in sorted(ranges, key=lambda one: one.first):
        if found and each.first <= found[-1].last + 1 + apart:
            found[-1] = Range(found[-1].first, max(found[-1].last, each.last))
        else:
            found.append(each)
    return tuple(found)


def without(ranges: Iterable[Range], taken: Iterable[Range]) -> tuple[Range, ...]:
    """Offsets of `ranges` that are in none of `taken`."""
    gone = joined(taken)
    found: list[Range] = []
    at = 0
    for each in joined(ranges):
        first = each.first
        while at < len(gone) and gone[at].last < first:
            at += 1
        here = at  # a taken range may reach into the next one too
        while here < len(gone) and gone[here].first <= each.last:
            if gone[here].first > first:
                found.append(Range(first, gone[here].first - 1))
            first = gone[here].last + 1
            here += 1
        if first <= each.last:
            found.append(Range(first, each.last))
    return tuple(found)


def shared(ranges: Sequence[Range], others: Sequence[Range]) -> tuple[Range, ...]:
    """Offsets that are in both."""
    return without(ranges, without(ranges, others))


def length(ranges: Iterable[Range]) -> int:
    """How many offsets ranges that do not overlap have."""
    return sum(each.last - each.first + 1 for each in ranges)


def stretches(offsets: Iterable[int]) -> tuple[Range, ...]:
    """Rising offsets as ranges."""
    found: list[Range] = []
    for offset in offsets:
        if found and offset == found[-1].last + 1:
            found[-1] = Range(found[-1].first, offset)
        else:
            found.append(Range(offset, offset))
    return tuple(found)


def missing(log: Range, runs: Iterable[Run], letters: Sequence[Range]) -> tuple[Range, ...]:
    """Offsets of the log that are neither a row nor a dead letter."""
    return without([log], [*(run.range for run in runs), *letters])


def holes(lacking: Iterable[Range], runs: Iterable[Run]) -> list[Finding]:
    """Missing records as few ranges: one goes on until a stored row stands in between.

    Letters and offsets that hold no record do not part a hole, and are not counted in it: it is
    replayed as one range.
    """
    rows = joined(run.range for run in runs)
    found: list[Finding] = []
    at = 0
    for each in joined(lacking):
        while at < len(rows) and rows[at].last < each.first:
            at += 1
        before = rows[at - 1].last if at else -1
        count = length([each])
        if found and found[-1].range.place(before) is Place.BEFORE:
            whole = Range(found[-1].range.first, each.last)
            found[-1] = Finding(Kind.HOLE, whole, found[-1].count + count)
        else:
            found.append(Finding(Kind.HOLE, each, count))
    return found


def duplicates(runs: Iterable[Run]) -> list[Finding]:
    """Rows at an offset that has one already."""
    found: list[Finding] = []
    several = [run for run in runs if run.copies > 1]
    for whole in joined(run.range for run in several):
        inside = [run for run in several if whole.first <= run.range.first <= whole.last]
        extra = sum((run.copies - 1) * length([run.range]) for run in inside)
        found.append(Finding(Kind.DUPLICATE, whole, extra))
    return found


def refused_and_stored(runs: Iterable[Run], letters: Sequence[Range]) -> list[Finding]:
    """Rows whose record is a dead letter too."""
    return _both(Kind.DUPLICATE, runs, letters)


def erased_and_stored(runs: Iterable[Run], erased: Sequence[Range]) -> list[Finding]:
    """Rows whose device was erased."""
    return _both(Kind.ERASED, runs, erased)


def _both(kind: Kind, runs: Iterable[Run], others: Sequence[Range]) -> list[Finding]:
    both = shared([run.range for run in runs], others)
    return [Finding(kind, each, length([each])) for each in both]


def check_replay(wanted: Stretch, log: Range | None, entry: Entry | None, *, group: str) -> None:
    """Whether a range may be inserted beside the sink.

    Args:
        wanted: The range.
        log: What Kafka holds of the partition; None when nothing.
        entry: The sink's line of the ledger.
        group: The sink's consumer group.

    Raises:
        ReplayRefusedError: Kafka no longer holds all of it, or the sink will insert it itself.
    """
    if entry is None:
        raise ReplayRefusedError(
            f"{wanted}: group {group} has no position, so a sink that starts inserts all of the "
            "log: start the sink, or set FLEETLOOP_SINK__GROUP to the sink's group"
        )
    if wanted.range.last >= entry.position:
        state = f"range {entry.pending.range} pending" if entry.pending else "not read further yet"
        raise ReplayRefusedError(
            f"{wanted}: the sink (group {group}) stands at offset {entry.position} with {state} "
            "and inserts what follows itself; replaying it too would store it twice. Wait for the "
            "sink, or name offsets before that"
        )
    if log is None or wanted.range.first < log.first:
        raise ReplayRefusedError(
            f"{wanted}: Kafka holds {f'offsets {log} only' if log else 'nothing of it'}: retention "
            "took the rest. Name the offsets that are left, or restore the table from a backup"
        )
