"""Who a device is, and the ids of what it says."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from schemas.media import PICTURES, Medium
from schemas.records import DeviceClass
from schemas.topics import TopicSpec

SOURCE: Final = "simulated"

Send = Callable[[TopicSpec, Any], None]
"""Puts a record into the outbox of the process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """What never changes of a device while a scenario plays; `medium`: what it perceives."""

    device_id: str
    device_class: DeviceClass
    hardware: str
    region: str
    consent_pictures: bool
    consent_location: bool
    consent_compute: bool
    medium: Medium = PICTURES

    def common(self) -> dict[str, Any]:
        """The fields that every record of a device carries."""
        return {
            "source": SOURCE,
            "device_id": self.device_id,
            "device_class": self.device_class,
            "hardware": self.hardware,
            "region": self.region,
        }


@dataclass(slots=True)
class EventIds:
    """Event ids <device_id>/<boot>/<sequence>, the sequence rising by one per boot and topic."""

    device_id: str
    boot: int
    _next: dict[str, int] = field(default_factory=dict)

    def next(self, topic: TopicSpec) -> str:
        """Id of the next record on a topic."""
        sequence = self._next.get(topic.name, 0)
        self._next[topic.name] = sequence + 1
        return f"{self.device_id}/{self.boot}/{sequence}"

    def take_back(self, topic: TopicSpec, count: int) -> None:
        """The last ids on a topic were not used."""
        if count:
            self._next[topic.name] -= count


def next_boot(stored: int | None, unix_seconds: int) -> int:
    """Number of a new boot: higher than any before, also when the storage was lost."""
    return max((stored if stored is not None else -1) + 1, unix_seconds)


def fraction(*parts: object) -> float:
    """A number in [0, 1) that depends on the parts alone: chance that every run repeats."""
    text = "\x1f".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=7).digest(), "big") / (1 << 56)
