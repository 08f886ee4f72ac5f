"""Storage that loses what was not synced, and power that goes at a counted operation.

The model of a disk: bytes of a file are safe after `sync`, names after `sync_names`. At a cut the
rest is decided by a seeded chance: unsynced bytes stay in part, and of the unsynced changes of
names a beginning stays, because file systems journal them in their order.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

T = TypeVar("T")


class PowerCutError(BaseException):
    """The power went; no handler of errors may see it."""


@dataclass(slots=True)
class _Body:
    """Bytes of one file: as written, and as far as they are safe."""

    data: bytes = b""
    safe: bytes = b""


@dataclass(slots=True)
class Disk:
    """A disk in memory; `Files` as devices use it.

    Attributes:
        space: Bytes it takes; more is a full disk.
        locked: Folders in which nothing may be changed.
    """

    space: int = 1 << 30
    locked: set[str] = field(default_factory=set)
    _names: dict[str, _Body] = field(default_factory=dict)
    _safe: dict[str, _Body] = field(default_factory=dict)
    _pending: list[Callable[[dict[str, _Body]], object]] = field(default_factory=list)

    def read(self, name: str) -> bytes | None:
        body = self._names.get(name)
        return None if body is None else body.data

    def write(self, name: str, data: bytes) -> None:
        self._check(name, data)
        body = _Body(data)
        self._change(lambda names: names.__setitem__(name, body))

    def append(self, name: str, data: bytes) -> None:
        if name not in self._names:
            self.write(name, data)
            return
        self._check(name, data)
        self._names[name].data += data

    def sync(self, name: str) -> None:
        body = self._names[name]
        body.safe = body.data

    def rename(self, old: str, new: str) -> None:
        self._check(old)
        self._check(new)
        body = self._names[old]

        def renamed(names: dict[str, _Body]) -> None:
            names.pop(old, None)
            names[new] = body

        self._change(renamed)

    def remove(self, name: str) -> None:
        self._check(name)
        if name in self._names:
            self._change(lambda names: names.pop(name, None))

    def sync_names(self, name: str) -> None:
        """One journal: names that are waited for bring all changes before them."""
        del name
        for change in self._pending:
            change(self._safe)
        self._pending.clear()

    def names(self, folder: str) -> list[str]:
        return sorted(name for name in self._names if name.rpartition("/")[0] == folder)

    def all_names(self) -> list[str]:
        return sorted(self._names)

    def cut(self, random: Random) -> None:
        """The power goes, and comes back."""
        for change in self._pending[: random.randint(0, len(self._pending))]:
            change(self._safe)
        self._pending.clear()
        for body in self._safe.values():
            body.data = _torn(body, random)
            body.safe = body.data
        self._names = dict(self._safe)

    def _change(self, change: Callable[[dict[str, _Body]], object]) -> None:
        change(self._names)
        self._pending.append(change)

    def _check(self, name: str, data: bytes = b"") -> None:
        if name.rpartition("/")[0] in self.locked:
            raise PermissionError(13, "Permission denied", name)
        if sum(len(body.data) for body in self._names.values()) + len(data) > self.space:
            raise OSError(28, "No space left on device", name)


def _torn(body: _Body, random: Random) -> bytes:
    """What is left of bytes that were not all safe: the safe ones, some more, or zeros in them."""
    if not body.data.startswith(body.safe):
        return body.safe
    new = body.data[len(body.safe) :]
    kept = new[: random.randint(0, len(new))]
    return body.safe + (bytes(len(kept)) if random.random() < 0.3 else kept)


class Fuse:
    """`Files` on which the power goes at operation `at`, counted from 0; reading counts too.

    Args:
        files: What is below.
        at: The operation; None: it never goes.
        before: Whether it goes before the operation or after it.
    """

    def __init__(self, files: Disk, at: int | None = None, *, before: bool = True) -> None:
        self._files, self._at, self._before = files, at, before
        self.count = 0

    def read(self, name: str) -> bytes | None:
        return self._counted(lambda: self._files.read(name))

    def write(self, name: str, data: bytes) -> None:
        self._counted(lambda: self._files.write(name, data))

    def append(self, name: str, data: bytes) -> None:
        self._counted(lambda: self._files.append(name, data))

    def sync(self, name: str) -> None:
        self._counted(lambda: self._files.sync(name))

    def rename(self, old: str, new: str) -> None:
        self._counted(lambda: self._files.rename(old, new))

    def remove(self, name: str) -> None:
        self._counted(lambda: self._files.remove(name))

    def sync_names(self, name: str) -> None:
        self._counted(lambda: self._files.sync_names(name))

    def names(self, folder: str) -> list[str]:
        return self._counted(lambda: self._files.names(folder))

    def _counted(self, operation: Callable[[], T]) -> T:
        number, self.count = self.count, self.count + 1
        if number == self._at and self._before:
            raise PowerCutError
        result = operation()
        if number == self._at:
            raise PowerCutError
        return result
