"""One repository's metadata in the object store, read with as much mistrust as a device has."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tuf.api.metadata import MetaFile, Root

from infra.objects import ObjectMissingError, ObjectStore
from infra.trust.signed_file import believed, verified
from producers.device.trust.documents import Document
from producers.device.trust.places import METADATA

SHOWN: Final = "timestamp.json"
_NAME: Final = re.compile(r"(\d{1,18})\.(root|targets|snapshot|timestamp)\.json")


class Shelf:
    """The files of a repository, by role and version.

    A Timestamp stands there twice: under its version, which says what was issued, and as
    timestamp.json, which devices ask for. No other file is ever replaced by another version of
    itself, so of two hosts that issue the same version by mistake one does.

    Args:
        objects: The store; whoever owns it may delay, but nothing it says is believed unsigned.
        repository: director or images.
    """

    def __init__(self, objects: ObjectStore, repository: str) -> None:
        self._objects, self.repository = objects, repository

    def versions(self) -> Mapping[str, Sequence[int]]:
        """Versions that stand there by role, the highest first."""
        found: dict[str, list[int]] = {
            role: [] for role in ("root", "targets", "snapshot", "timestamp")
        }
        for name in self._objects.list(METADATA[self.repository]):
            if match := _NAME.fullmatch(name.rsplit("/", 1)[-1]):
                found[match[2]].append(int(match[1]))
        return {role: sorted(versions, reverse=True) for role, versions in found.items()}

    def read(self, name: str) -> bytes | None:
        """A file by its name; None: there is none."""
        try:
            return self._objects.get(self._place(name))
        except ObjectMissingError:
            return None

    def put(self, role: str, version: int, data: bytes) -> None:
        """Store a file under its role and version, where there is none yet, whole and safe.

        Raises:
            ObjectExistsError: There is one: another host was faster.
            OSError: The store does not take it.
        """
        self._objects.put_new(self._place(f"{version}.{role}.json"), data)

    def replace(self, role: str, version: int, data: bytes) -> None:
        """As `put`, over what stands there."""
        self._objects.put_named(self._place(f"{version}.{role}.json"), data)

    def show(self, timestamp: bytes) -> None:
        """Have devices see a Timestamp, and by it all that it names. Raises OSError."""
        self._objects.put_named(self._place(SHOWN), timestamp)

    def drop(self, role: str, version: int) -> None:
        """Remove a file that nobody asks for any more."""
        self._objects.delete(self._place(f"{version}.{role}.json"))

    @property
    def shown(self) -> bytes | None:
        """The Timestamp that devices see; None: there is none."""
        return self.read(SHOWN)

    def root(self, trusted: bytes) -> Document[Root]:
        """The newest Root, walked one version at a time from one that is trusted.

        Raises:
            RefusedError: A Root on the way is not signed by the one before.
        """
        root = verified(trusted, "root", self.repository, [])
        root = verified(trusted, "root", self.repository, [root.signed])
        while (data := self.read(f"{root.version + 1}.root.json")) is not None:
            new = verified(data, "root", self.repository, [root.signed])
            root = verified(data, "root", self.repository, [new.signed])
        return root

    def newest(self, role: str, root: Root, versions: Sequence[int]) -> Document[Any] | None:
        """The newest file of a role, of these versions, that the Root's keys have signed.

        Args:
            role: The role.
            root: Says which keys count.
            versions: As `versions` has them.
        """
        for version in versions:
            data = self.read(f"{version}.{role}.json")
            document = believed(data or b"", role, self.repository, root)
            if document is not None and document.version == version:
                return document
        return None

    def _place(self, name: str) -> str:
        return f"{METADATA[self.repository]}/{name}"


def listed(document: Document[Any]) -> MetaFile:
    """A file as Snapshot or Timestamp names it."""
    digest = hashlib.sha256(document.data).hexdigest()
    return MetaFile(document.version, len(document.data), {"sha256": digest})
