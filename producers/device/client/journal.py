"""Steps of a device that are safe before anyone hears of them."""

from collections.abc import Iterator
from contextlib import contextmanager

from producers.device.acks import Acks
from producers.device.client.storage import Storage
from producers.device.flash import Flash


class NotKeptError(OSError):
    """The storage did not take a step; the step did not happen."""


class Journal:
    """What a device keeps, changed step by step.

    A step changes `flash` and says acks into its outbox; both become safe in one write, and only
    then the acks are sent. So a power cut leaves a step undone and unsaid, or done with its acks
    in the outbox, which the next boot sends.
    """

    def __init__(self, flash: Flash, acks: Acks, storage: Storage) -> None:
        self.flash, self.acks, self._storage = flash, acks, storage

    def begin(self) -> None:
        """A boot: its number is safe before any record carries it; then what was left unsaid.

        Raises:
            OSError: The storage does not take it.
        """
        self._storage.keep(self.flash)
        self.acks.post()

    @contextmanager
    def step(self) -> Iterator[None]:
        """Everything inside happens, or nothing.

        Raises:
            NotKeptError: The storage does not take it.
        """
        before = self.flash.copy()
        try:
            yield
            if self.flash != before:
                self._keep()
        except BaseException:
            self.acks.take_back(len(self.flash.outbox) - len(before.outbox))
            self.flash.restore(before)
            raise
        self.acks.post()

    def _keep(self) -> None:
        try:
            self._storage.keep(self.flash)
        except OSError as error:
            raise NotKeptError(error.errno, f"cannot keep a step: {error}") from error
