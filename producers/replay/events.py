"""What a reader of a data set yields: events, rows set aside, and what it found out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.topics import TopicSpec


class ReplayError(ValueError):
    """A data set cannot be replayed; the message names the file, what is wrong and the rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event of a data set.

    Attributes:
        at_us: Event time, UTC microseconds, as the source tells it.
        kind: What it is, for counting and for JSON lines.
        file, row: Where it stands; rows of a table count from 1 behind the header.
        body: A record of `topic`, or the fields of a JSON line; both hold `event_id`, `source` and,
            where there is a device, `device_id`.
        topic: Where it goes; None: JSON lines only.
        also: What JSON lines tell beyond the record.
        context: What came just before; stored as an object that the record's `context_uri` names.
    """

    at_us: int
    kind: str
    file: str
    row: int
    body: Any
    topic: TopicSpec | None = None
    also: Mapping[str, Any] = field(default_factory=dict)
    context: Sequence[Mapping[str, Any]] | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that gives no event. `why` is a code to count by, `detail` a sentence."""

    file: str
    row: int
    why: str
    detail: str
    text: str


@dataclass(frozen=True, slots=True)
class Note:
    """A finding about the whole data set, told once it has been read."""

    what: str
    value: str | int | float


Item = Event | Refused | Note


def in_time_order(items: Iterable[Item]) -> Iterator[Item]:
    """Events by time, those of one moment as they stand; what is no event comes before them."""
    events: list[Event] = []
    for item in items:
        if isinstance(item, Event):
            events.append(item)
        else:
            yield item
    events.sort(key=lambda event: event.at_us)
    yield from events


def source_of(data_set: str) -> str:
    """The `source` of every record of a data set."""
    return f"replay:{data_set}"


def event_id(device_id: str, number: int) -> str:
    """Identity of an event: a replay has no boots, its sequence is the row in the data set."""
    return f"{device_id}/0/{number}"
