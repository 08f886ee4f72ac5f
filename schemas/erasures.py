"""The one reader of `erasures`: which device is forgotten, and up to when; pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from schemas.facts import Fact
from schemas.topics import ERASURES, TOPICS

OF_DEVICES: Final = frozenset(
    name for name, spec in TOPICS.items() if spec.key == "device_id" and spec is not ERASURES
)
"""Topics whose records are about one device, named by their key; `erasures` itself is evidence."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What one device's newest erasure covers.

    Attributes:
        erasure_id: Event id of the record.
        device_id: The device.
        until_us: The record's own stamp: what the broker stamped later is not covered.
    """

    erasure_id: str
    device_id: str
    until_us: int


class ErasureBook:
    """Folds `erasures` in log order. A later record of a device covers all that earlier ones did.

    One thread observes, any may ask.
    """

    def __init__(self, known: Iterable[Erased] = ()) -> None:
        self._by_device = {each.device_id: each for each in known}

    def __bool__(self) -> bool:
        return bool(self._by_device)

    def observe(self, fact: Fact) -> Erased:
        """Take one record of the topic."""
        device_id: str = fact.record.device_id
        found = Erased(fact.record.event_id, device_id, fact.stamp_us)
        self._by_device[device_id] = found
        return found

    def devices(self) -> list[str]:
        """Ids of all erased devices."""
        return list(self._by_device)

    def all(self) -> tuple[Erased, ...]:
        """The newest erasure of each device."""
        return tuple(self._by_device.values())

    @property
    def newest_us(self) -> int:
        """Stamp of the newest erasure; 0: there is none."""
        return max((each.until_us for each in self._by_device.values()), default=0)

    def covering(self, device_id: str, stamp_us: int) -> Erased | None:
        """The erasure that a device's record with this stamp falls under; None: it may be kept."""
        found = self._by_device.get(device_id)
        return found if found is not None and stamp_us <= found.until_us else None
