"""What a repository has published, by version: what a device's word is held against."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from tuf.api.metadata import Root, Targets

from producers.device.trust.documents import Document, read, verify
from producers.device.trust.limits import Limits
from producers.device.trust.refusal import Reason, RefusedError
from producers.device.trust.shapes import Fields
from producers.device.trust.sources import Source, refusing

T = TypeVar("T", Root, Targets)
ROOT: Final = "root"
TARGETS: Final = "targets"


class Published:
    """The Roots of a repository, walked from one that is trusted, and Targets they vouch for.

    Expiry is not asked: what is judged was believed at another time.

    Args:
        source: The repository; it must keep its older versions.
        limits: Bounds of its files.
        trusted: The Root to begin with; None: its own first one.
    """

    def __init__(self, source: Source, limits: Limits, trusted: bytes | None = None) -> None:
        self._source, self._limits, self._trusted = source, limits, trusted
        self._roots: dict[int, Document[Root]] = {}

    def targets(self, said: Mapping[str, Any]) -> Document[Targets]:
        """The Targets that a device says it verified, by the Root that it says it did.

        Args:
            said: Version and SHA-256 by role, as evidence has it.

        Raises:
            RefusedError: They were not published so, or the Root's keys have not signed them.
        """
        root = self._root(said[ROOT], _version(said, ROOT))
        name = f"{_version(said, TARGETS)}.targets.json"
        found = self._read(name, TARGETS, Targets)
        _check_same(found, said[TARGETS])
        verify(found, root.signed)
        return found

    def _root(self, said: Mapping[str, Any], version: int) -> Document[Root]:
        if not self._roots:
            first = self._first()
            verify(first, first.signed)
            self._roots[first.version] = first
        at = max(self._roots)
        while at < min(version, at + self._limits.rotations):
            new = self._read(f"{at + 1}.root.json", ROOT, Root)
            for vouching in (self._roots[at], new):
                verify(new, vouching.signed)
            at = new.version
            self._roots[at] = new
        root = self._roots.get(version)
        if root is None:
            rule = f"version {version} is older than the Root that is trusted here"
            raise RefusedError(ROOT, Reason.BAD_VERSION, rule)
        _check_same(root, said)
        return root

    def _first(self) -> Document[Root]:
        if self._trusted is None:
            return self._read("1.root.json", ROOT, Root)
        return read(self._trusted, ROOT, Root, self._limits)

    def _read(self, name: str, role: str, kind: type[T]) -> Document[T]:
        limit = self._limits.of(role)
        with refusing(role, name):
            data = self._source.metadata(name, limit)
        if data is None:
            raise RefusedError(role, Reason.MISSING_FILE, f"{name} is not published")
        found = read(data, role, kind, self._limits)
        if name != f"{found.version}.{role}.json":
            raise found.refuse(Reason.BAD_VERSION, f"{name} says another version")
        return found


def _version(said: Mapping[str, Any], role: str) -> int:
    """A version becomes the name of a file here: a device may not choose that."""
    return Fields(role, said[role], "evidence").number("version", 1)


def _check_same(found: Document[T], said: Mapping[str, Any]) -> None:
    sha256 = hashlib.sha256(found.data).hexdigest()
    if sha256 != said["sha256"]:
        rule = f"published with SHA-256 {sha256}, the device says {str(said['sha256'])[:64]}"
        raise found.refuse(Reason.HASH_MISMATCH, rule)
