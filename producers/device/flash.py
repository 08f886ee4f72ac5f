"""What a device keeps through a restart: boot number, slots, and how far its attempts came."""

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from producers.device.slots import Model, Slots
from schemas.records import Slot

MAX_ATTEMPTED: Final = 32
"""Releases whose attempts a device remembers; older ones are forgotten first."""


class FlashError(ValueError):
    """The storage of the devices cannot be read."""


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
    """The storage of one device. `encounters`: how many it has met, which numbers the next."""

    boot: int
    registered_ts: int
    encounters: int = 0
    slots: Slots = field(default_factory=Slots)
    tried: dict[str, Tried] = field(default_factory=dict)

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


def to_json(flashes: dict[str, Flash]) -> bytes:
    """The storage of many devices, by device id."""
    return json.dumps({name: asdict(flash) for name, flash in flashes.items()}).encode()


def from_json(body: bytes) -> dict[str, Flash]:
    """Read back what `to_json` wrote.

    Raises:
        FlashError: It is not that.
    """
    try:
        content: dict[str, Any] = json.loads(body)
        return {name: _flash(flash) for name, flash in content.items()}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise FlashError(f"storage of devices: not readable: {error!r}; remove it") from error


def _flash(content: dict[str, Any]) -> Flash:
    slots = content["slots"]
    models = {name: None if slots[name] is None else Model(**slots[name]) for name in ("a", "b")}
    return Flash(
        boot=content["boot"],
        registered_ts=content["registered_ts"],
        encounters=content["encounters"],
        slots=Slots(**models, active=Slot(slots["active"]), trial=slots["trial"]),
        tried={name: Tried(**tried) for name, tried in content["tried"].items()},
    )
