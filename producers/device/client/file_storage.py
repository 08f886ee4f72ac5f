"""The storage of a device of its own: two slots, downloads, trust and state in real files."""

import errno
import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from producers.device.client.admission import rejected
from producers.device.client.attempt import Attempt
from producers.device.client.evidence import Notes
from producers.device.client.files import Files, replace_file
from producers.device.client.intake import Intake, Origin
from producers.device.client.known_files import KnownFiles, opened
from producers.device.client.layout import (
    DOWNLOADS,
    RESERVE,
    STATE,
    download_file,
    patch_file,
    slot_file,
)
from producers.device.client.storage import FailedError
from producers.device.engine import Engine
from producers.device.evidence.log import EvidenceLog
from producers.device.fetch.image import Base
from producers.device.flash import Flash
from producers.device.flash_json import from_json, to_json
from producers.device.known import Known
from producers.device.slots import Model
from producers.device.trust.refusal import RefusedError
from schemas.reasons import NO_SPACE, STORAGE_FAILED
from schemas.records import AckState, Slot

log = logging.getLogger(__name__)

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_RESERVE_BYTES: Final = 16 * 1024


class FileStorage:
    """`Storage` in files; what each holds is told in `layout`.

    Args:
        device_id: Whose it is.
        files: Where.
        origin: Where updates come from.
        load: Makes an engine of a file and its digest.
    """

    def __init__(
        self,
        device_id: str,
        files: Files,
        origin: Origin,
        load: Callable[[bytes, str], Engine] = Engine,
    ) -> None:
        self._device_id, self._files, self._load = device_id, files, load
        self._intake = Intake(origin, files, self._base)
        self._known = KnownFiles(files)
        self._notes = Notes(EvidenceLog(files))
        self._running: tuple[Model, Slot] | None = None

    # What is kept

    def kept(self) -> Flash | None:
        """What was kept last; None: this device is new.

        Raises:
            FlashError: It cannot be read.
            OSError: The storage does not give it.
        """
        body = self._files.read(STATE)
        return None if body is None else from_json(body)[self._device_id]

    def keep(self, flash: Flash) -> None:
        """Make all that a device keeps safe; on a full disk in the space held back for it."""
        body = to_json({self._device_id: flash})
        try:
            self._hold_back()
            replace_file(self._files, STATE, body)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            self._files.remove(RESERVE)
            replace_file(self._files, STATE, body)
        running = flash.slots.running
        self._running = None if running is None else (running, flash.slots.active)
        self._notes.note_acks(flash)

    def _hold_back(self) -> None:
        if self._files.read(RESERVE) is None:
            replace_file(self._files, RESERVE, bytes(_RESERVE_BYTES))

    def head(self) -> str | None:
        """Head of the evidence."""
        return self._notes.head

    # A model on its way

    def admit(self, at: Attempt, now_us: int) -> None:
        """Verify the metadata of both repositories."""
        model = at.wanted.model
        with self._failing(model, now_us):
            verified = self._intake.admit(at, now_us)
            self._notes.verified(verified, model.release_id, now_us)

    def fetch(self, at: Attempt, now_us: int) -> int | None:
        """Bring one part, or the patch that leads to it."""
        with self._failing(at.wanted.model, now_us):
            return self._intake.fetch(at, now_us)

    def digest(self, model: Model) -> str | None:
        """SHA-256 of the download as it is stored."""
        with self._failing(model, 0):
            body = self._files.read(download_file(model.digest))
        return None if body is None else hashlib.sha256(body).hexdigest()

    def discard(self, model: Model) -> None:
        """Remove a download and all others: one attempt runs at a time."""
        del model
        with suppress(OSError):
            for name in self._files.names(DOWNLOADS):
                self._files.remove(name)

    # Slots

    def install(self, model: Model, slot: Slot) -> bool:
        """Rename the download into the slot; nothing is copied, so no space is needed."""
        whole, place = download_file(model.digest), slot_file(slot)
        with self._failing(model, 0):
            self._known.install(model, slot)
            if self._files.read(whole) is not None:
                self._files.rename(whole, place)
                self._files.sync_names(whole)
                self._files.sync_names(place)
            self._files.remove(patch_file(model.digest))
            return self.sound(model, slot)

    def sound(self, model: Model, slot: Slot) -> bool:
        """Whether a slot has the bytes of a model."""
        try:
            body = self._files.read(slot_file(slot))
        except OSError as error:
            log.warning("%s: slot %s: %s", self._device_id, slot, error)
            return False
        return body is not None and hashlib.sha256(body).hexdigest() == model.digest

    def known(self, model: Model, slot: Slot) -> Known | None:
        """What came with the model."""
        return opened(self._known.read(model, slot), model.release_id)

    def beside(self, model: Model, now_us: int) -> None:
        """No room: what is in no slot was not verified here, so this device runs no shadow."""

    def engine(self, model: Model, slot: Slot) -> Engine:
        """Load what a slot has; the engine checks its digest."""
        body = self._files.read(slot_file(slot))
        if body is None:
            raise LookupError(f"slot {slot} has no model; {model.release_id} should be there")
        return self._load(body, model.digest)

    def _base(self) -> Base | None:
        if self._running is None:
            return None
        model, slot = self._running
        return Base(model.digest, lambda: self._files.read(slot_file(slot)) or b"")

    @contextmanager
    def _failing(self, model: Model, now_us: int) -> Iterator[None]:
        """Every trouble as a failure of the attempt, with its code."""
        try:
            yield
        except RefusedError as error:
            self._notes.refused(error, model.release_id, now_us)
            raise rejected(error) from error
        except OSError as error:
            reason = NO_SPACE if error.errno in _FULL else STORAGE_FAILED
            raise FailedError(AckState.INSTALL_FAILED, reason, str(error), again=True) from error
