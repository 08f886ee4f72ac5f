"""A device's evidence on its storage: appended and synced, and bounded in two files."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from producers.device.client.files import Files, replace_file
from producers.device.evidence.chain import Chain, read
from producers.device.evidence.entry import Entry, EvidenceError, Kind, hash_of

LIMIT: Final = 128 * 1024
"""Bytes of each of the two files: some four hundred lines, a hundred updates."""


class EvidenceLog:
    """The log: `evidence.log`, and `evidence.old` with what stood in it before.

    What is noted is safe when `note` returns. A power cut tears the last line at most, which is cut
    off and named by a TORN line. A log that was changed is kept as `evidence.broken`, and a new one
    begins with a BROKEN line: a device is never stopped by its evidence.

    Args:
        files: The device's storage.
        limit: Bytes of each file.

    Raises:
        OSError: The storage cannot be read or written.
    """

    NAME: Final = "evidence.log"
    OLD: Final = "evidence.old"
    BROKEN: Final = "evidence.broken"

    def __init__(self, files: Files, limit: int = LIMIT) -> None:
        self._files, self._limit = files, limit
        self._seq, self._size, self.head = 0, 0, ""
        self._is_open = False

    def note(self, kind: Kind, facts: Mapping[str, Any], at_us: int) -> str:
        """Write one line, and give its hash: the new head.

        Raises:
            OSError: The storage does not take it; the next note mends what was left.
        """
        if not self._is_open:
            self._open(at_us)
        try:
            return self._append(kind, facts, at_us)
        except OSError:
            self._is_open = False
            raise

    def data(self) -> bytes:
        """All of it, oldest line first."""
        return b"".join(self._files.read(name) or b"" for name in (self.OLD, self.NAME))

    def _append(self, kind: Kind, facts: Mapping[str, Any], at_us: int) -> str:
        line = Entry(seq=self._seq, prev=self.head, at_us=at_us, kind=kind, facts=facts).line()
        if self._size and self._size + len(line) > self._limit:
            self._files.rename(self.NAME, self.OLD)
            self._files.sync_names(self.OLD)
            self._size = 0
        self._files.append(self.NAME, line)
        self._files.sync(self.NAME)
        if not self._size:
            self._files.sync_names(self.NAME)
        self._seq, self._size, self.head = self._seq + 1, self._size + len(line), hash_of(line)
        return self.head

    def _open(self, at_us: int) -> None:
        data = self.data()
        try:
            chain = read(data)
        except EvidenceError as error:
            self._begin_anew(data, str(error), at_us)
            return
        self._size = len(self._files.read(self.NAME) or b"")
        if chain.torn:
            self._cut(chain.torn)
        self._follow(chain)
        self._is_open = True
        if chain.torn:
            self._append(Kind.TORN, {"bytes": chain.torn}, at_us)

    def _follow(self, chain: Chain) -> None:
        self._seq, self.head = chain.next_seq, chain.head

    def _cut(self, torn: int) -> None:
        whole = (self._files.read(self.NAME) or b"")[:-torn]
        replace_file(self._files, self.NAME, whole)
        self._size = len(whole)

    def _begin_anew(self, data: bytes, why: str, at_us: int) -> None:
        replace_file(self._files, self.BROKEN, data)
        for name in (self.NAME, self.OLD):
            self._files.remove(name)
        self._files.sync_names(self.NAME)
        self._follow(Chain(()))
        self._size, self._is_open = 0, True
        sha256 = hashlib.sha256(data).hexdigest()
        self._append(Kind.BROKEN, {"why": why, "sha256": sha256}, at_us)
