"""The object store: models, pictures, manifests and checkpoints, local folder or bucket."""

import hashlib
import os
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

import fsspec

# Frames of encounters: an erasure finds them by their digest alone.
PICTURE_KIND: Final = "frames"


class ObjectMissingError(LookupError):
    """No object at that address."""


class ObjectCorruptError(ValueError):
    """The object's bytes are not those its address promises."""


class ObjectExistsError(ValueError):
    """Something stands at that address already."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as records name it: address, SHA-256 in hex, length in bytes."""

    uri: str
    digest: str
    bytes: int


def content_name(kind: str, digest: str, suffix: str = "") -> str:
    """Name under which `ObjectStore.put` stores bytes with this SHA-256."""
    return f"{kind}/{digest[:2]}/{digest}{suffix}"


class ObjectStore:
    """Whole objects under one root; a put is atomic, so a reader sees all of it or nothing.

    Args:
        root: Any fsspec address, for example file:///var/lib/fleetloop or s3://bucket/prefix.
    """

    def __init__(self, root: str) -> None:
        self._fs, self._root = fsspec.core.url_to_fs(root)
        self._scheme = urlsplit(root).scheme or "file"

    def put(self, body: bytes, *, kind: str, suffix: str = "") -> StoredObject:
        """Store bytes under their own SHA-256; storing the same again changes nothing."""
        digest = hashlib.sha256(body).hexdigest()
        name = content_name(kind, digest, suffix)
        path = self._path(name)
        if not self._fs.exists(path) or self._fs.size(path) != len(body):
            self.put_named(name, body)
        return StoredObject(self.uri(name), digest, len(body))

    def put_named(self, name: str, *parts: bytes | memoryview) -> None:
        """Store bytes under a name, replacing what stood there in one step; then they are safe.

        Several parts are stored one after another as one object; a local folder needs no copy of
        them in one.
        """
        path = self._path(name)
        if self._scheme == "file":
            self._land(path, parts, self._fs.mv)
        else:
            self._fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
            self._fs.pipe_file(path, b"".join(parts))  # one PUT is atomic on object stores

    def put_new(self, name: str, body: bytes) -> None:
        """Store bytes under a name that nothing has yet, in one step; then they are safe.

        Of several processes that put the same name at once, one does.

        Raises:
            ObjectExistsError: Another did.
        """
        path = self._path(name)
        try:
            if self._scheme == "file":
                self._land(path, (body,), _link)
            else:
                self._fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
                self._fs.pipe_file(path, body, mode="create")  # a PUT with If-None-Match
        except FileExistsError as error:
            raise ObjectExistsError(f"object {path}: is there already") from error

    def _land(
        self,
        path: str,
        parts: Iterable[bytes | memoryview],
        place: Callable[[str, str], None],
    ) -> None:
        """Write a file beside its place, and have it there in one step."""
        folder = path.rsplit("/", 1)[0]
        self._fs.makedirs(folder, exist_ok=True)
        partial = f"{path}.{uuid.uuid4().hex}.partial"
        try:
            with self._fs.open(partial, "wb") as file:
                file.writelines(parts)
            _settle(partial)  # else a power cut may leave the name without the bytes
            place(partial, path)
            _settle(folder)
        except OSError as error:
            if self._fs.exists(partial):
                self._fs.rm_file(partial)  # a full disk gets no fuller
            if isinstance(error, FileExistsError):
                raise
            raise OSError(
                error.errno, f"cannot store object {path}: {error.strerror}; free space or rights"
            ) from error

    def get(self, uri: str, *, digest: str | None = None) -> bytes:
        """Fetch an object by address or by name.

        Raises:
            ObjectMissingError: There is none.
            ObjectCorruptError: Its SHA-256 is not `digest`.
        """
        path = self._fs._strip_protocol(uri) if "://" in uri else self._path(uri)  # noqa: SLF001 - fsspec offers no public name for it
        try:
            body = bytes(self._fs.cat_file(path))
        except FileNotFoundError as error:
            raise ObjectMissingError(f"no object at {uri}") from error
        if digest is not None and (found := hashlib.sha256(body).hexdigest()) != digest:
            raise ObjectCorruptError(f"object {uri}: digest {found}, announced {digest}")
        return body

    def part(self, name: str, start: int, length: int) -> bytes:
        """At most `length` bytes of a named object from `start`; fewer only where it ends.

        Raises:
            ObjectMissingError: There is none.
            OSError: The store does not answer, or has no bytes there.
        """
        path = self._path(name)
        try:
            return bytes(self._fs.cat_file(path, start=start, end=start + length))
        except FileNotFoundError as error:
            raise ObjectMissingError(f"no object at {self.uri(name)}") from error

    def modified(self, name: str) -> datetime:
        """When an object was stored, by the store's own clock, UTC.

        Raises:
            ObjectMissingError: There is none.
        """
        try:
            found: datetime = self._fs.modified(self._path(name))
        except FileNotFoundError as error:
            raise ObjectMissingError(f"no object at {self.uri(name)}") from error
        return found if found.tzinfo else found.replace(tzinfo=UTC)

    def delete(self, name: str) -> None:
        """Remove an object; one that is not there is already removed."""
        path = self._path(name)
        if self._fs.exists(path):
            self._fs.rm_file(path)

    def list(self, prefix: str) -> list[str]:
        """Names below a prefix, sorted."""
        base = self._path(prefix)
        if not self._fs.exists(base):
            return []
        cut = len(self._root.rstrip("/")) + 1
        return sorted(path[cut:] for path in self._fs.find(base) if not path.endswith(".partial"))

    def uri(self, name: str) -> str:
        """Address of a name."""
        return f"{self._scheme}://{self._path(name)}"

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"


def _link(partial: str, path: str) -> None:
    """Give a file its name, unless something has it: a rename would replace that."""
    os.link(partial, path)
    os.remove(partial)  # noqa: PTH107 - fsspec's paths are text


def _settle(path: str) -> None:
    """Wait until the disk has a file, or the names in a folder."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
