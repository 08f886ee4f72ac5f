"""The metadata a device trusts, on disk: whole files, each in place only once it cannot be lost."""

import os
from pathlib import Path
from typing import Final
from urllib.parse import quote

_SUFFIX: Final = ".json"


class TrustStateError(ValueError):
    """The state cannot be read; the message names the file."""


class Store:
    """A folder with one file for each role it trusts: <role>.json, the name percent-encoded.

    A power cut at any moment leaves the old or the new file, complete.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, role: str) -> bytes | None:
        """The trusted file of a role; None: there is none."""
        try:
            return self._path(role).read_bytes()
        except FileNotFoundError:
            return None

    def put(self, role: str, data: bytes) -> None:
        """Trust a file from now on.

        Raises:
            OSError: The disk does not take it; the old file stands.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        write_durably(self._path(role), data)

    def damaged(self, role: str, why: str) -> TrustStateError:
        """The error that names a stored file that trust cannot go on from."""
        return TrustStateError(f"{self._path(role)}: {why}; provision the device again")

    def drop(self, role: str) -> None:
        """Trust none any more."""
        self._path(role).unlink(missing_ok=True)

    def _path(self, role: str) -> Path:
        return self._folder / f"{quote(role, safe='')}{_SUFFIX}"


def write_durably(path: Path, data: bytes) -> None:
    """Write, fsync, rename, fsync the folder: after it returns no power cut takes it back."""
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
