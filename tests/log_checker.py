"""Finds what went wrong in a run, by Jepsen's names: lost, duplicate, skipped, reordered.

A run log has what was sent, what readers of the log saw and what is stored, all by values that are
sent once. The anomalies are those of Jepsen's Kafka workload (jepsen.tests.kafka): lost-write,
duplicate, poll-skip, nonmonotonic-send and nonmonotonic-poll.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple, TypeAlias

Place: TypeAlias = tuple[str, int, int]
"""Topic, partition and offset."""


class Name(StrEnum):
    """What can go wrong."""

    LOST = "lost"  # acknowledged, and not stored
    DUPLICATE = "duplicate"  # stored more than once, or at two places of the log
    SKIPPED = "skipped"  # a reader went past an offset that holds a value
    REORDERED = "reordered"  # offsets do not rise, for a reader or along what one sender sent


class Sent(NamedTuple):
    """A value whose sending was acknowledged; a sender's stand in the order of sending."""

    sender: str
    value: str


class Read(NamedTuple):
    """A value that a reader saw; a reader that is assigned anew is another reader."""

    reader: str
    place: Place
    value: str


class Row(NamedTuple):
    """A stored row."""

    place: Place
    value: str


@dataclass(frozen=True, slots=True)
class RunLog:
    """All that is known of a run."""

    sent: Sequence[Sent]
    read: Sequence[Read]
    rows: Sequence[Row]


class Anomaly(NamedTuple):
    """Something that went wrong, and to which value."""

    name: Name
    value: str


def check(run: RunLog) -> set[Anomaly]:
    """All anomalies of a run; empty when every value was kept once and in order."""
    return {
        *(Anomaly(Name.LOST, value) for value in _lost(run)),
        *(Anomaly(Name.DUPLICATE, value) for value in _duplicates(run)),
        *(Anomaly(Name.SKIPPED, value) for value in _skipped(run)),
        *(Anomaly(Name.REORDERED, value) for value in _reordered(run)),
    }


def _lost(run: RunLog) -> set[str]:
    return {sent.value for sent in run.sent} - {row.value for row in run.rows}


def _duplicates(run: RunLog) -> Iterator[str]:
    rows: dict[str, int] = defaultdict(int)
    for row in run.rows:
        rows[row.value] += 1
    yield from (value for value, count in rows.items() if count > 1)
    yield from (value for value, places in _places(run).items() if len(places) > 1)


def _skipped(run: RunLog) -> Iterator[str]:
    known: dict[tuple[str, int], dict[int, str]] = defaultdict(dict)
    for value, places in _places(run).items():
        for topic, partition, offset in places:
            known[topic, partition][offset] = value
    for polls in _polls(run.read).values():
        for before, after in pairwise(polls):
            topic, partition, first = before.place
            between = known[topic, partition].items()
            yield from (value for offset, value in between if first < offset < after.place[2])


def _reordered(run: RunLog) -> Iterator[str]:
    for polls in _polls(run.read).values():
        yield from (b.value for a, b in pairwise(polls) if b.place[2] <= a.place[2])
    places = _places(run)
    highest: dict[tuple[str, str, int], int] = {}
    for sent in run.sent:
        for topic, partition, offset in places.get(sent.value, ()):
            lane = sent.sender, topic, partition
            if offset <= highest.get(lane, -1):
                yield sent.value
            highest[lane] = max(offset, highest.get(lane, -1))


def _places(run: RunLog) -> Mapping[str, set[Place]]:
    found: dict[str, set[Place]] = defaultdict(set)
    seen = [(read.value, read.place) for read in run.read]
    stored = [(row.value, row.place) for row in run.rows]
    for value, place in (*seen, *stored):
        found[value].add(place)
    return found


def _polls(read: Iterable[Read]) -> Mapping[tuple[str, str, int], list[Read]]:
    """What each reader saw of each partition, in its order."""
    found: dict[tuple[str, str, int], list[Read]] = defaultdict(list)
    for seen in read:
        found[seen.reader, seen.place[0], seen.place[1]].append(seen)
    return found
