"""An unfinished file on disk, which a power cut leaves with what was kept before it."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_PIECE: Final = 64 * 1024


class PartialFile:
    """A `Partial` in one file, which comes to be with its first bytes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Iterator[bytes]:
        """What is kept, from its beginning."""
        try:
            with self.path.open("rb") as file:
                while piece := file.read(_PIECE):
                    yield piece
        except FileNotFoundError:
            return

    def append(self, data: bytes) -> None:
        """Keep more, durably.

        Raises:
            OSError: The disk does not take it; what it took of it may be kept.
        """
        is_new = not self.path.exists()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            _settle(self.path.parent)

    def clear(self) -> None:
        """Keep nothing."""
        self.path.unlink(missing_ok=True)


def _settle(folder: Path) -> None:
    """Wait until the disk has the names in a folder."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
