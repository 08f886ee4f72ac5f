"""What devices keep through a restart, saved beside them: first the log, then the storage."""

from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import replace
from typing import Final

from producers.device.client.attempt import Attempt
from producers.device.flash import Flash, Tried
from producers.device.slots import Slots

FLUSH_EVERY_US: Final = 5_000_000
"""How soon a record that the log did not take stops the process."""

SAVE_EVERY_US: Final = 1_000_000
"""After a crash a device may have lost this much: it begins its attempt again."""

_Kept = tuple[Slots, dict[str, Tried], Attempt | None]


class Keeper:
    """Saves in a thread of its own, so that no frame waits for the log or for a disk.

    A save waits until the log has every record that was queued before it: a device that is
    killed may tell of a step twice, but never remembers one that it did not tell of. So no
    outbox is saved: what it held when the save began is on the log when the save is made.

    Args:
        flush: Waits until all queued records are acknowledged; raises when some are not.
        save: Stores what the devices keep, by id.
        background: Where a save waits; closed with the keeper.
    """

    def __init__(
        self,
        flush: Callable[[], None],
        save: Callable[[dict[str, Flash]], None],
        background: Executor,
    ) -> None:
        self._flush, self._save, self._background = flush, save, background
        self._kept: list[_Kept] = []
        self._asked_for: list[tuple[Flash, int]] = []
        self._under_way: Future[None] | None = None
        self._failed = False
        self._save_from_us, self._flush_from_us = 0, 0

    def begin(self, flashes: Mapping[str, Flash], now_us: int) -> None:
        """Save the numbers of the new boots, before any record carries one."""
        self._save(_copy(flashes))
        self._due_again(flashes, now_us)

    def turn(self, flashes: Mapping[str, Flash], now_us: int) -> None:
        """Begin to save what changed; every so often ask the log about records alone.

        Raises:
            DeliveryError, OSError: What an earlier save met; nothing is saved any more.
        """
        if self._under_way is not None:
            if not self._under_way.done():
                return
            self._hear()
        self._asked_for = [(one, one.posted) for one in flashes.values() if one.posted]
        changed = now_us >= self._save_from_us and _state(flashes) != self._kept
        if changed:
            self._due_again(flashes, now_us)
            self._under_way = self._background.submit(self._keep, _copy(flashes))
        elif now_us >= self._flush_from_us:
            self._flush_from_us = now_us + FLUSH_EVERY_US
            self._under_way = self._background.submit(self._flush)

    def close(self, flashes: Mapping[str, Flash]) -> None:
        """Wait for the log, then save; after a failure only the first.

        Raises:
            DeliveryError, OSError: The log or the object store does not take it.
        """
        self._background.shutdown(wait=True)
        if self._under_way is not None:
            self._hear()
        self._flush()
        if not self._failed:
            self._save(_copy(flashes))

    def _keep(self, flashes: dict[str, Flash]) -> None:
        self._flush()
        self._save(flashes)

    def _hear(self) -> None:
        under_way, self._under_way = self._under_way, None
        if under_way is not None and (error := under_way.exception()) is not None:
            self._failed = True
            raise error
        for flash, count in self._asked_for:
            flash.delivered(count)
        self._asked_for = []

    def _due_again(self, flashes: Mapping[str, Flash], now_us: int) -> None:
        self._kept = _state(flashes)
        self._save_from_us = now_us + SAVE_EVERY_US
        self._flush_from_us = now_us + FLUSH_EVERY_US


def _state(flashes: Mapping[str, Flash]) -> list[_Kept]:
    """What is worth a save; numbers of encounters alone are not, a restart begins above them."""
    return [(flash.slots, dict(flash.tried), flash.attempt) for flash in flashes.values()]


def _copy(flashes: Mapping[str, Flash]) -> dict[str, Flash]:
    return {name: replace(flash.copy(), outbox=()) for name, flash in flashes.items()}
