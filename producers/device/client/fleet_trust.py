"""What the devices of a simulated fleet believe: each for itself, kept and saved together."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from producers.device.client.admission import Admission
from producers.device.client.known_shelf import KnownShelf
from producers.device.client.layout import TRUST
from producers.device.client.memory_files import MemoryFiles
from producers.device.identity import Who
from producers.device.trust.cycle import UpdateCycle
from producers.device.trust.predicate import Identity
from producers.device.trust.reading import SharedReader
from producers.device.trust.sources import Source
from producers.device.trust.state import TrustState
from producers.device.trust.store import TrustStateError

Kept = Mapping[str, Mapping[str, bytes]]
"""Files of trust and known inputs, by device id and name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """What one device believes by, and what it keeps of what came with its models.

    Attributes:
        admission: Verifies the metadata of both repositories.
        files: Its own; the bytes in them are shared.
        known: Where known inputs come from, for all devices.
    """

    admission: Admission
    files: MemoryFiles
    known: KnownShelf


class FleetTrust:
    """Makes what devices believe by; of the bytes that many trust there is one copy.

    Args:
        sources: The Director's repository and the image repository.
        roots: The first Root of each, which devices have from the factory.
        kept: What they trusted when it was saved last; those that are new begin with the Roots.
    """

    def __init__(
        self, sources: tuple[Source, Source], roots: tuple[bytes, bytes], kept: Kept
    ) -> None:
        self._sources, self._roots = sources, roots
        self._files = {device_id: MemoryFiles(files) for device_id, files in kept.items()}
        self._reader, self._known = SharedReader(), KnownShelf(sources[1])

    def belief(self, who: Who) -> Belief:
        """What a device believes, by what it alone trusts."""
        files = self._files.setdefault(who.device_id, MemoryFiles({}))
        state = TrustState(files, TRUST)
        state.provision(*self._roots)
        director, images = self._sources
        cycle = UpdateCycle(
            director=director,
            images=images,
            state=state,
            me=Identity(ecu=who.device_id, hardware=who.hardware),
            reader=self._reader,
        )
        return Belief(admission=Admission(cycle), files=files, known=self._known)

    def to_json(self) -> bytes:
        """All of it: each file once, and by device which of them it has under which name.

        Another thread than that of the devices may ask.
        """
        numbers: dict[bytes, int] = {}
        devices = {
            device_id: {
                name: numbers.setdefault(data, len(numbers)) for name, data in files.content.items()
            }
            for device_id, files in self._files.items()
        }
        texts = [data.decode() for data in numbers]
        return json.dumps({"files": texts, "devices": devices}).encode()


def from_json(body: bytes) -> Kept:
    """Read back what `to_json` wrote.

    Raises:
        TrustStateError: It is not that.
    """
    try:
        content: dict[str, Any] = json.loads(body)
        files = [text.encode() for text in content["files"]]
        return {
            device_id: {name: files[number] for name, number in named.items()}
            for device_id, named in content["devices"].items()
        }
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise TrustStateError(
            f"trust of the fleet: not readable: {error!r}; without it devices begin anew at the "
            "first Roots, and could be led back once: restore it, or remove it"
        ) from error
