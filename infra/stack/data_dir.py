"""The private data folder of a stack: one stack at a time, with room to write."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

LOCK: Final = "stack.lock"
_NEEDED_BYTES: Final = 64 * 1024 * 1024


class DataDirBusyError(RuntimeError):
    """Another stack uses the folder; the message names folder and process."""


class DiskFullError(OSError):
    """There is no room for an engine to start; the message names folder, room and need."""


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Make the folder and keep it for this process.

    Raises:
        DataDirBusyError: Another process holds it.
        DiskFullError: Less than 64 MiB are free.
    """
    require_space(folder)
    with (folder / LOCK).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise DataDirBusyError(
                f"data folder {folder}: in use by the stack of pid {lock.read().strip()}; "
                "stop it (`fleetloop stack down`) or name another folder"
            ) from error
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def require_space(folder: Path, needed: int = _NEEDED_BYTES) -> None:
    """Make the folder, and make sure that there are `needed` bytes free in it.

    Raises:
        DiskFullError: There are not.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            error.errno, f"folder {folder} cannot be made: {error.strerror}; name another"
        ) from error
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DiskFullError(
            f"disk of {folder} is full: {free // 1024} KiB free, at least {needed // 1024} KiB "
            "are needed; make room or name another folder"
        )
