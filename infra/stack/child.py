"""One supervised process: its log file, its end, and what to say about it."""

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Final

TAIL_LINES: Final = 20
_TAIL_BYTES: Final = 16_384
_JAVA_FRAME: Final = "\tat "
_NEARLY_FULL_BYTES: Final = 4 * 1024 * 1024


class Tier(IntEnum):
    """Order of starting; stopping goes the other way, each tier together."""

    ENGINE = 0
    WORKER = 1


class ChildDiedError(RuntimeError):
    """A process of the stack ended that should still run.

    Attributes:
        name: The child. status: Its exit status, negative for a signal. tail: Last log lines.
    """

    def __init__(
        self, name: str, status: int, log: Path, tail: Sequence[str], disk: str = ""
    ) -> None:
        said = "\n".join(f"    {line}" for line in tail) or "    (it wrote nothing)"
        super().__init__(f"{name} {_ending(status)}{disk}; the end of {log}:\n{said}")
        self.name, self.status, self.tail = name, status, tuple(tail)


@dataclass(slots=True)
class Child:
    """A process and its log.

    Attributes:
        store: Folder it writes to; when its disk is full, that is told of its end.
        expected: Its end is wanted and no failure.
    """

    name: str
    argv: Sequence[str]
    log: Path
    process: subprocess.Popen[bytes]
    tier: Tier = Tier.WORKER
    grace_s: float = 10.0
    store: Path | None = None
    expected: bool = field(default=False)

    @property
    def pid(self) -> int:
        """Process id, and id of the process group that it leads."""
        return self.process.pid

    def running(self) -> bool:
        """Whether the process has not ended."""
        return self.process.poll() is None

    def death(self) -> ChildDiedError | None:
        """The error that tells of an end that nobody wanted, if there was one."""
        status = self.process.poll()
        if status is None or self.expected:
            return None
        disk = full_disk(self.store or self.log.parent)
        return ChildDiedError(self.name, status, self.log, self.tail(), disk)

    def tail(self, lines: int = TAIL_LINES) -> list[str]:
        """Last lines of the log, without the frames of Java's stack traces."""
        with self.log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - _TAIL_BYTES))
            said = log.read().decode(errors="replace").splitlines()
        return [line for line in said if not line.startswith(_JAVA_FRAME)][-lines:]

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to the process and to all that it started."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return


def _ending(status: int) -> str:
    if status >= 0:
        return f"ended with exit status {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"


def full_disk(folder: Path) -> str:
    """What to say of a full disk, empty when it is not: the dying often cannot write it down."""
    free = shutil.disk_usage(folder).free
    if free > _NEARLY_FULL_BYTES:
        return ""
    return f" (the disk of {folder} is full: {free // 1024} KiB free; make room)"
