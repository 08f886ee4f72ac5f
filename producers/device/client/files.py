"""The storage of a device as the update client sees it: files, and when they are safe.

What a power cut takes depends on what was asked for before it:

* `write` and `append` are safe after `sync` of that name; before, any part of them may be there.
* A name that was made, renamed or removed is safe after `sync_names` of its folder; before, the
  old or the new one may be there. `rename` itself is atomic: nobody ever sees half of it.

`replace_file` is the one way to change a file that must never be half written.
"""

import os
from pathlib import Path
from typing import Final, Protocol

_PARTIAL: Final = ".partial"


class Files(Protocol):
    """Files by relative name, such as `state.json` or `a/model.onnx`.

    All raise OSError when the storage does not do it; then nothing that was safe is lost.
    """

    def read(self, name: str) -> bytes | None:
        """The bytes of a file; None: there is none."""

    def write(self, name: str, data: bytes) -> None:
        """Make a file, or empty it, and put bytes in."""

    def append(self, name: str, data: bytes) -> None:
        """Add bytes to a file, made if there is none."""

    def sync(self, name: str) -> None:
        """Wait until the bytes of a file are safe."""

    def rename(self, old: str, new: str) -> None:
        """Give a file another name, replacing what has it."""

    def remove(self, name: str) -> None:
        """Remove a file; one that is not there is already removed."""

    def sync_names(self, name: str) -> None:
        """Wait until the names in the folder of this name are safe."""

    def names(self, folder: str) -> list[str]:
        """Names of the files in a folder, with it; none when there is no such folder."""


def replace_file(files: Files, name: str, data: bytes) -> None:
    """Put bytes under a name so that every power cut leaves the old or the new file, complete."""
    partial = f"{name}{_PARTIAL}"
    files.write(partial, data)
    files.sync(partial)
    files.rename(partial, name)
    files.sync_names(name)


class FolderFiles:
    """Files below a folder of this machine.

    Args:
        root: The folder; made when first written to.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, name: str) -> bytes | None:
        """The bytes of a file; None: there is none."""
        try:
            return (self.root / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes) -> None:
        """Make a file, or empty it, and put bytes in."""
        self._put(name, data, "wb")

    def append(self, name: str, data: bytes) -> None:
        """Add bytes to a file."""
        self._put(name, data, "ab")

    def sync(self, name: str) -> None:
        """Wait for the disk."""
        _settle(self.root / name)

    def rename(self, old: str, new: str) -> None:
        """Give a file another name."""
        path = self.root / new
        path.parent.mkdir(parents=True, exist_ok=True)
        (self.root / old).replace(path)

    def remove(self, name: str) -> None:
        """Remove a file."""
        (self.root / name).unlink(missing_ok=True)

    def sync_names(self, name: str) -> None:
        """Wait for the disk, up to the root: the folder itself may be new."""
        folder = (self.root / name).parent
        while folder.is_relative_to(self.root):
            if folder.exists():
                _settle(folder)
            folder = folder.parent

    def names(self, folder: str) -> list[str]:
        """Names of the files in a folder."""
        try:
            found = os.scandir(self.root / folder)
        except FileNotFoundError:
            return []
        with found:
            return sorted(f"{folder}/{entry.name}" for entry in found if entry.is_file())

    def _put(self, name: str, data: bytes, mode: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open(mode) as file:
            file.write(data)


def _settle(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
