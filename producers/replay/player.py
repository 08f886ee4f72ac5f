"""Plays the items of a data set at a speed, and counts what became of them."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from producers.replay.events import Event, Item, Note, Refused


class Outcome(StrEnum):
    """What became of an event."""

    REPLAYED = "replayed"
    THERE_BEFORE = "there before"
    NO_TOPIC = "left out: no topic takes it"
    ERASED = "left out: its device was erased"


class Target(Protocol):
    """Where events go."""

    def send(self, event: Event, replay_us: int) -> Outcome:
        """Hand on an event, due at `replay_us` (UTC microseconds)."""

    def refuse(self, refused: Refused, replay_us: int) -> None:
        """Keep a row that gives no event."""


@dataclass(slots=True)
class Summary:
    """What became of a data set.

    Attributes:
        events: By kind and what became of them.
        refused: Rows without an event, by why; kept all the same.
        notes: What the reader found out.
    """

    events: Counter[tuple[str, Outcome]] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    notes: list[Note] = field(default_factory=list)


@dataclass(slots=True)
class Pace:
    """When an event is due: its distance from the first one, divided by the speed.

    Attributes:
        speed: Seconds of event time in a second; None: everything at once.
        clock: UTC microseconds. sleep: Waits seconds.
    """

    speed: float | None
    clock: Callable[[], int]
    sleep: Callable[[float], None]
    _start: tuple[int, int] | None = None

    def wait(self, at_us: int) -> int:
        """Wait until an event of that time is due; gives that moment."""
        now_us = self.clock()
        if self.speed is None:
            return now_us
        if self._start is None:
            self._start = (at_us, now_us)
        first_us, start_us = self._start
        due_us = start_us + round((at_us - first_us) / self.speed)
        if due_us > now_us:
            self.sleep((due_us - now_us) / 1e6)
        return due_us


def play(items: Iterable[Item], pace: Pace, target: Target) -> Summary:
    """Hand on every item, in order.

    Raises:
        ReplayError: The data set turns out not to be whole; what was sent before stays.
    """
    summary = Summary()
    for item in items:
        match item:
            case Event():
                outcome = target.send(item, pace.wait(item.at_us))
                summary.events[item.kind, outcome] += 1
            case Refused():
                target.refuse(item, pace.clock())
                summary.refused[item.why] += 1
            case Note():
                summary.notes.append(item)
    return summary
