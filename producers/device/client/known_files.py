"""The known inputs of the model in each slot, kept beside it."""

import logging
from contextlib import suppress

from producers.device.client.files import Files
from producers.device.client.layout import KNOWN, known_download, known_file, slot_file
from producers.device.known import Known
from producers.device.slots import Model
from schemas.known_inputs import from_json
from schemas.records import Slot

log = logging.getLogger(__name__)


class KnownFiles:
    """Moves what was fetched with a model into its slot, and reads it there."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def install(self, model: Model, slot: Slot) -> None:
        """Before the model itself: what a slot has whole it has with its known inputs.

        Raises:
            OSError: The storage does not do it.
        """
        fetched, place = known_download(model.digest), known_file(slot, model.digest)
        if self._files.read(fetched) is not None:
            self._files.rename(fetched, place)
            self._files.sync_names(fetched)
            self._files.sync_names(place)
        with suppress(OSError):  # those of a model that is gone are in nobody's way
            for name in self._files.names(slot_file(slot).rpartition("/")[0]):
                if name.endswith(KNOWN) and name != place:
                    self._files.remove(name)

    def read(self, model: Model, slot: Slot) -> bytes | None:
        """Those of the model in a slot; None: none came with it. Raises OSError."""
        return self._files.read(known_file(slot, model.digest))


def opened(body: bytes | None, release_id: str) -> Known | None:
    """Known inputs to ask a model; None: none are signed with it, which is said.

    Raises:
        KnownInputsError: They cannot be read.
    """
    if body is None:
        log.warning("%s: no known inputs are signed with it: it is tried without", release_id)
        return None
    return Known(from_json(body))
