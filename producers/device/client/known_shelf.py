"""The known inputs of a simulated fleet: fetched once, asked once of each engine."""

from functools import lru_cache
from typing import Any, Final

from producers.device.client.known_files import opened
from producers.device.client.memory_files import MemoryFiles
from producers.device.client.part_file import PartFile
from producers.device.fetch.known import known_fetch
from producers.device.known import Known
from producers.device.trust.known import Signed, known_from
from producers.device.trust.sources import Source

_MOST: Final = 16
"""Releases of which a process holds them."""


class KnownShelf:
    """Shares one copy of what many devices keep.

    Args:
        images: The image repository.
    """

    def __init__(self, images: Source) -> None:
        self._images = images
        self._fetched = lru_cache(_MOST)(self._fetch)
        self._opened = lru_cache(_MOST)(opened)

    def bring(self, custom: Any) -> bytes | None:
        """Those signed with an image; None: none are.

        Raises:
            RefusedError: They do not come, or are others.
        """
        signed = known_from(custom)
        return None if signed is None else self._fetched(signed)

    def open(self, body: bytes | None, release_id: str) -> Known | None:
        """As `opened`."""
        return self._opened(body, release_id)

    def _fetch(self, signed: Signed) -> bytes:
        files = MemoryFiles({})
        download = known_fetch(self._images, signed, PartFile(files, signed.path))
        while download.turn(0) is not None:
            pass  # without a limit of the link it never has to wait
        return files.content[signed.path]
