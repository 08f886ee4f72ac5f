"""Unfinished files in memory, of which a test may lose or spoil what it likes."""

import errno
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(slots=True)
class MemoryPartial:
    """A `Partial`; `room`: bytes the disk takes before it is full."""

    data: bytes = b""
    room: int = 1 << 40

    def read(self) -> Iterator[bytes]:
        yield from (self.data[at : at + 1_000] for at in range(0, len(self.data), 1_000))

    def append(self, data: bytes) -> None:
        taken = data[: max(0, self.room - len(self.data))]
        self.data += taken
        if len(taken) < len(data):
            raise OSError(errno.ENOSPC, "No space left on device")

    def clear(self) -> None:
        self.data = b""
