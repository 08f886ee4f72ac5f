"""What a device keeps through a restart: slots, its attempt, how far others came, what to tell."""

from dataclasses import dataclass, field, replace
from typing import Final

from producers.device.client.attempt import Attempt
from producers.device.slots import Slots
from schemas.records import OtaAck

MAX_ATTEMPTED: Final = 32
"""Releases whose attempts a device remembers; older ones are forgotten first."""


@dataclass(frozen=True, slots=True)
class Tried:
    """How far a device came with a release: attempts begun, acks of the last, whether it is over.

    `over`: committed or failed for good, so that the device does not begin again by itself.
    """

    attempt: int = 0
    acks: int = 0
    over: bool = False


@dataclass(slots=True)
class Flash:
    """The storage of one device.

    Attributes:
        boot: Number of the boot, higher than any before.
        registered_ts: When the device was first seen, UTC microseconds.
        encounters: How many it has met, which numbers the next.
        tried: How far it came, by release.
        attempt: What is under way.
        outbox: Acks that the log may not have, oldest first.
        posted: How many of them this boot has sent.
    """

    boot: int
    registered_ts: int
    encounters: int = 0
    slots: Slots = field(default_factory=Slots)
    tried: dict[str, Tried] = field(default_factory=dict)
    attempt: Attempt | None = None
    outbox: tuple[OtaAck, ...] = ()
    posted: int = field(default=0, compare=False)

    def remember(self, release_id: str, tried: Tried) -> None:
        """Note how far a release came."""
        self.tried.pop(release_id, None)
        self.tried[release_id] = tried
        if len(self.tried) > MAX_ATTEMPTED:
            del self.tried[next(iter(self.tried))]

    def count_ack(self, release_id: str) -> Tried:
        """Number of the next ack of the last attempt, counted."""
        tried = self.tried.get(release_id, Tried())
        self.remember(release_id, replace(tried, acks=tried.acks + 1))
        return tried

    def delivered(self, count: int) -> None:
        """The log has so many of those that were sent."""
        self.outbox = self.outbox[count:]
        self.posted -= count

    def copy(self) -> "Flash":
        """The same, for later."""
        return replace(self, tried=dict(self.tried))

    def restore(self, before: "Flash") -> None:
        """Be again as a copy was; what was met since stays met."""
        self.slots, self.tried = before.slots, before.tried
        self.attempt, self.outbox = before.attempt, before.outbox
