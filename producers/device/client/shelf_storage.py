"""The storage of simulated devices: one shelf of model files for all, kept beside them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from producers.device.client.admission import Admission, rejected
from producers.device.client.attempt import Attempt
from producers.device.client.storage import FailedError
from producers.device.engine import Engine
from producers.device.flash import Flash
from producers.device.slots import Model
from producers.device.trust.refusal import RefusedError
from schemas.reasons import DOWNLOAD_FAILED
from schemas.records import AckState, Slot


class Shelf(Protocol):
    """Model files: `producers.device.models.ModelShelf`."""

    def digest(self, uri: str) -> str:
        """SHA-256 of the file, downloaded. Raises LookupError or OSError."""

    def engine(self, model: Model) -> Engine:
        """The engine of a model."""


class ShelfStorage:
    """`Storage` in which both slots of every device name files of one shelf.

    What a device keeps is saved for all of them at once (`producers.keeping`), behind the log.

    Args:
        shelf: The files.
        admission: What the device believes; None: every model that a valid decision names.
    """

    def __init__(self, shelf: Shelf, admission: Admission | None = None) -> None:
        self._shelf, self._admission = shelf, admission

    def keep(self, flash: Flash) -> None:
        """Nothing: see above."""

    def admit(self, at: Attempt, now_us: int) -> None:
        """Verify the metadata of both repositories, where the device does."""
        if self._admission is not None:
            with _rejecting():
                self._admission.verify(at, now_us)

    def fetch(self, at: Attempt, now_us: int) -> int | None:
        """The whole file, at once."""
        model = at.wanted.model
        try:
            found = self._shelf.digest(model.uri)
        except (LookupError, OSError) as error:
            why = f"{model.uri}: {error}"
            raise FailedError(AckState.INSTALL_FAILED, DOWNLOAD_FAILED, why, again=True) from error
        if self._admission is not None and found == model.digest:
            with _rejecting():
                self._admission.accept(self._admission.verified(at, now_us))
        return None

    def digest(self, model: Model) -> str | None:
        """SHA-256 of the file on the shelf."""
        try:
            return self._shelf.digest(model.uri)
        except (LookupError, OSError):
            return None

    def install(self, model: Model, slot: Slot) -> bool:
        """Nothing moves."""
        del model, slot
        return True

    def sound(self, model: Model, slot: Slot) -> bool:
        """The shelf checks what it loads."""
        del model, slot
        return True

    def discard(self, model: Model) -> None:
        """The shelf drops what is long unused."""

    def head(self) -> str | None:
        """Simulated devices keep no evidence."""
        return None

    def beside(self, model: Model) -> Engine:
        """The same, beside what is in a slot."""
        return self._shelf.engine(model)

    def engine(self, model: Model, slot: Slot) -> Engine:
        """The engine that all devices share which run this model."""
        del slot
        return self._shelf.engine(model)


@contextmanager
def _rejecting() -> Iterator[None]:
    try:
        yield
    except RefusedError as error:
        raise rejected(error) from error
