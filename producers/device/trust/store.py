"""The metadata a device trusts, on disk: whole files, each in place only once it cannot be lost."""

from typing import Final
from urllib.parse import quote

from producers.device.client.files import Files, replace_file

_SUFFIX: Final = ".json"


class TrustStateError(ValueError):
    """The state cannot be read; the message names the file."""


class Store:
    """A folder with one file for each role it trusts: <role>.json, the name percent-encoded.

    A power cut at any moment leaves the old or the new file, complete.

    Args:
        files: The storage.
        folder: The folder in it.
    """

    def __init__(self, files: Files, folder: str = ".") -> None:
        self._files, self._folder = files, folder

    def get(self, role: str) -> bytes | None:
        """The trusted file of a role; None: there is none."""
        return self._files.read(self._name(role))

    def put(self, role: str, data: bytes) -> None:
        """Trust a file from now on.

        Raises:
            OSError: The disk does not take it; the old file stands.
        """
        replace_file(self._files, self._name(role), data)

    def damaged(self, role: str, why: str) -> TrustStateError:
        """The error that names a stored file that trust cannot go on from."""
        return TrustStateError(f"{self._name(role)}: {why}; provision the device again")

    def drop(self, role: str) -> None:
        """Trust none any more."""
        self._files.remove(self._name(role))

    def _name(self, role: str) -> str:
        return f"{self._folder}/{quote(role, safe='')}{_SUFFIX}"
