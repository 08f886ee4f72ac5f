"""Evidence of the devices of one process in two files: each line is a device's id and its line.

A file for each device would cost a simulated update more than all it verifies. What is noted is
written before `append` returns, so that a killed process has it; the disk is not waited for.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from producers.device.evidence.log import EvidenceLog

LIMIT: Final = 64 * 1024 * 1024
"""Bytes of each of the two files: some twenty thousand updates."""
_NEVER: Final = 2**63


class FleetEvidence:
    """Appends for all devices; of each it remembers the last line, which the next one follows.

    When the file is full it becomes the old one, and the new one begins with the last line of each
    device: no log loses its end.

    Args:
        folder: Of this process alone.
        limit: Bytes of each file.

    Raises:
        OSError: The files cannot be read.
    """

    def __init__(self, folder: Path, limit: int = LIMIT) -> None:
        self._folder, self._limit = folder, limit
        self.last: dict[str, bytes] = {}
        for device_id, line in _lines(folder):
            self.last[device_id] = line
        self._size = _whole(folder / EvidenceLog.NAME)
        self._file: int | None = None

    def log(self, device_id: str) -> EvidenceLog:
        """The log of one device."""
        return EvidenceLog(_View(self, device_id), _NEVER)

    def append(self, device_id: str, line: bytes) -> None:
        """Write one line of a device.

        Raises:
            OSError: The storage does not take it.
        """
        if self._size + len(line) > self._limit and self.last:
            self._turn()
        self._write(device_id, line)
        self.last[device_id] = line

    def _turn(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
        (self._folder / EvidenceLog.NAME).replace(self._folder / EvidenceLog.OLD)
        self._size = 0
        for device_id, line in self.last.items():
            self._write(device_id, line)

    def _write(self, device_id: str, line: bytes) -> None:
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._folder / EvidenceLog.NAME
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.ftruncate(self._file, self._size)  # what a power cut tore
        data = device_id.encode() + b" " + line
        if os.write(self._file, data) != len(data):
            os.ftruncate(self._file, self._size)
            raise OSError(f"{self._folder}: no room for a line of evidence")
        self._size += len(data)


class _View:
    """`Files` with the evidence of one device, as far as a log needs them."""

    def __init__(self, shared: FleetEvidence, device_id: str) -> None:
        self._shared, self._device_id = shared, device_id

    def read(self, name: str) -> bytes | None:
        """Its last line: what a log goes on from."""
        return self._shared.last.get(self._device_id) if name == EvidenceLog.NAME else None

    def append(self, name: str, data: bytes) -> None:
        """One line."""
        del name
        self._shared.append(self._device_id, data)

    def write(self, name: str, data: bytes) -> None:
        """Whole files are kept by nobody here."""

    def sync(self, name: str) -> None:
        """The disk is not waited for."""

    def rename(self, old: str, new: str) -> None:
        """See `write`."""

    def remove(self, name: str) -> None:
        """See `write`."""

    def sync_names(self, name: str) -> None:
        """See `sync`."""

    def names(self, folder: str) -> list[str]:
        """See `write`."""
        del folder
        return []


def evidence_of(folder: Path, device_id: str) -> bytes:
    """What a device has noted, of whichever process below a folder ran it last; empty: nothing.

    Raises:
        OSError: A file cannot be read.
    """
    found = sorted(folder.rglob(EvidenceLog.NAME), key=lambda path: path.stat().st_mtime)
    for path in reversed(found):
        its = [line for name, line in _lines(path.parent) if name == device_id]
        if its:
            return b"".join(dict.fromkeys(its))  # a last line stands in both files
    return b""


def _lines(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Device and line, the oldest first; what a power cut tore is left out."""
    for name in (EvidenceLog.OLD, EvidenceLog.NAME):
        try:
            with (folder / name).open("rb") as file:
                for text in file:
                    device_id, _, line = text.partition(b" ")
                    if line.endswith(b"\n"):
                        yield device_id.decode("utf-8", "replace"), line
        except FileNotFoundError:
            continue


def _whole(path: Path) -> int:
    """Bytes up to the end of the last whole line."""
    try:
        with path.open("rb") as file:
            return sum(len(text) for text in file if text.endswith(b"\n"))
    except FileNotFoundError:
        return 0
