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

    def __init__(self, name: str, status: int, log: Path, tail: Sequence[str]) -> None:
        said = "\n".join(f"    {line}" for line in tail) or "    (it wrote nothing)"
        super().__init__(f"{name} {_ending(status)}{_disk(log)}; the end of {log}:\n{said}")
        self.name, self.status, self.tail = name, status, tuple(tail)


@dataclass(slots=True)
class Child:
    """A process and its log; `expected` means that its end is wanted and no failure."""

    name: str
    argv: Sequence[str]
    log: Path
    process: subprocess.Popen[bytes]
    tier: Tier = Tier.WORKER
    grace_s: float = 10.0
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
        return ChildDiedError(self.name, status, self.log, self.tail())

    def tail(self, lines: int = TAIL_LINES) -> list[str]:
        """Last lines of the log."""
        with self.log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - _TAIL_BYTES))
            return log.read().decode(errors="replace").splitlines()[-lines:]

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


def _disk(log: Path) -> str:
    """A full disk is the reason that a dying program can often no longer write down."""
    free = shutil.disk_usage(log.parent).free
    if free > _NEARLY_FULL_BYTES:
        return ""
    return f" (the disk of {log.parent} is full: {free // 1024} KiB free; make room)"
