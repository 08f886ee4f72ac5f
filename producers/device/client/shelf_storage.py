"""The storage of simulated devices: one shelf of model files for all, kept beside them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from producers.device.client.admission import rejected
from producers.device.client.attempt import Attempt
from producers.device.client.evidence import Notes
from producers.device.client.fleet_trust import Belief
from producers.device.client.known_files import KnownFiles
from producers.device.client.layout import known_download
from producers.device.client.storage import FailedError
from producers.device.engine import Engine
from producers.device.flash import Flash
from producers.device.known import Known
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

    What a device keeps is saved for all of them at once (`producers.keeping`), behind the log; its
    evidence is written at once, before the ack that rests on it is sent.

    Args:
        shelf: The files.
        belief: What the device believes by; None: it takes every model that a valid decision names,
            and nobody signs known inputs for it.
        notes: Its evidence; None: it keeps none.
    """

    def __init__(
        self, shelf: Shelf, belief: Belief | None = None, notes: Notes | None = None
    ) -> None:
        self._shelf, self._belief, self._notes = shelf, belief, notes

    def keep(self, flash: Flash) -> None:
        """Only the evidence: see above."""
        if self._notes is not None:
            self._notes.note_acks(flash)

    def admit(self, at: Attempt, now_us: int) -> None:
        """Verify the metadata of both repositories, where the device does."""
        if self._belief is not None:
            with self._rejecting(at.wanted.model, now_us):
                verified = self._belief.admission.verify(at, now_us)
                if self._notes is not None:
                    self._notes.verified(verified, at.wanted.model.release_id, now_us)

    def fetch(self, at: Attempt, now_us: int) -> int | None:
        """The whole file and its known inputs, at once."""
        model = at.wanted.model
        try:
            found = self._shelf.digest(model.uri)
        except (LookupError, OSError) as error:
            why = f"{model.uri}: {error}"
            raise FailedError(AckState.INSTALL_FAILED, DOWNLOAD_FAILED, why, again=True) from error
        if self._belief is not None and found == model.digest:
            with self._rejecting(model, now_us):
                _accept(self._belief, at, now_us)
        return None

    def digest(self, model: Model) -> str | None:
        """SHA-256 of the file on the shelf."""
        try:
            return self._shelf.digest(model.uri)
        except (LookupError, OSError):
            return None

    def install(self, model: Model, slot: Slot) -> bool:
        """Only its known inputs move."""
        if self._belief is not None:
            KnownFiles(self._belief.files).install(model, slot)
        return True

    def sound(self, model: Model, slot: Slot) -> bool:
        """The shelf checks what it loads."""
        del model, slot
        return True

    def discard(self, model: Model) -> None:
        """The shelf drops what is long unused."""

    def head(self) -> str | None:
        """Head of the evidence."""
        return None if self._notes is None else self._notes.head

    def known(self, model: Model, slot: Slot) -> Known | None:
        """What came with the model."""
        if self._belief is None:
            return None
        body = KnownFiles(self._belief.files).read(model, slot)
        return self._belief.known.open(body, model.release_id)

    def beside(self, model: Model, now_us: int) -> Engine:
        """The same, beside what is in a slot, and verified as that is."""
        if self._belief is not None:
            with self._rejecting(model, now_us):
                self._belief.admission.verify_beside(model, now_us)
        return self._shelf.engine(model)

    def engine(self, model: Model, slot: Slot) -> Engine:
        """The engine that all devices share which run this model."""
        del slot
        return self._shelf.engine(model)

    @contextmanager
    def _rejecting(self, model: Model, now_us: int) -> Iterator[None]:
        try:
            yield
        except RefusedError as error:
            if self._notes is not None:
                self._notes.refused(error, model.release_id, now_us)
            raise rejected(error) from error


def _accept(belief: Belief, at: Attempt, now_us: int) -> None:
    verified = belief.admission.verified(at, now_us)
    body = belief.known.bring(verified.target.custom)
    if body is not None:
        belief.files.write(known_download(at.wanted.model.digest), body)
    belief.admission.accept(verified)
