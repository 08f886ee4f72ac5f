"""One repository's metadata in the object store: every version of a role, the newest Timestamp."""

import re
from dataclasses import dataclass
from typing import Any, Final

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Timestamp
from tuf.api.serialization.json import JSONSerializer

from infra.objects import ObjectMissingError, ObjectStore
from infra.trust.roles import Repo

PREFIX: Final = "updates"
_VERSIONED: Final = re.compile(r"/(\d+)\.([a-z]+)\.json$")
_COMPACT: Final = JSONSerializer(compact=True)


class ShelfError(ValueError):
    """A repository in the object store is not what this code writes; the message names the file."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Metadata as they stand, and their bytes, which others list by length and hash."""

    metadata: Metadata[Any]
    body: bytes


class Shelf:
    """Metadata of one repository under updates/<repository>/."""

    def __init__(self, objects: ObjectStore, repo: Repo) -> None:
        self._objects, self.repo = objects, repo

    @property
    def prefix(self) -> str:
        """Where its metadata are."""
        return f"{PREFIX}/{self.repo.value}"

    def version(self, role: str) -> int:
        """The highest version of a role that was ever stored; 0: none."""
        if role == Timestamp.type:
            newest = self.newest(role)
            return 0 if newest is None else int(newest.metadata.signed.version)
        found = (_VERSIONED.search(name) for name in self._objects.list(self.prefix))
        return max((int(one[1]) for one in found if one and one[2] == role), default=0)

    def newest(self, role: str) -> Stored | None:
        """The newest metadata of a role; None: there is none.

        Raises:
            ShelfError: The file is not metadata.
        """
        if role == Timestamp.type:
            return self._load(f"{role}.json")
        version = self.version(role)
        return self._load(f"{version}.{role}.json") if version else None

    def put(self, metadata: Metadata[Any]) -> Stored:
        """Store metadata under role and version; a Timestamp has no version in its name.

        Raises:
            OSError: The store does not take it.
        """
        role, version = metadata.signed.type, metadata.signed.version
        name = f"{role}.json" if role == Timestamp.type else f"{version}.{role}.json"
        body = metadata.to_bytes(_COMPACT)
        self._objects.put_named(f"{self.prefix}/{name}", body)
        return Stored(metadata, body)

    def _load(self, name: str) -> Stored | None:
        place = f"{self.prefix}/{name}"
        try:
            body = self._objects.get(place)
            return Stored(Metadata.from_bytes(body), body)
        except ObjectMissingError:
            return None
        except RepositoryError as error:
            raise ShelfError(f"{place}: not metadata: {error}") from error
