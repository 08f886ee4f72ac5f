"""A repository in the object store, under two prefixes; no more is read than may be."""

from collections.abc import Iterator

from infra.objects import ObjectMissingError, ObjectStore
from producers.device.trust.sources import SourceError, SourceTooLargeError

_PIECE = 256 * 1024


class ObjectSource:
    """A repository of an object store.

    Args:
        objects: The store.
        metadata: Prefix of the metadata.
        images: Prefix of the images.
    """

    def __init__(self, objects: ObjectStore, metadata: str, images: str) -> None:
        self._objects = objects
        self._metadata, self._images = metadata.rstrip("/"), images.rstrip("/")

    def metadata(self, name: str, limit: int) -> bytes | None:
        """A metadata file."""
        return _bounded(self._part(f"{self._metadata}/{name}", 0, limit + 1), limit)

    def image(self, path: str, limit: int) -> Iterator[bytes] | None:
        """An image."""
        name = f"{self._images}/{path}"
        first = self._part(name, 0, min(_PIECE, limit + 1))
        return None if first is None else self._rest(name, first, limit)

    def part(self, path: str, start: int, length: int) -> bytes | None:
        """A part of an image."""
        return _bounded(self._part(f"{self._images}/{path}", start, length), length)

    def _rest(self, name: str, piece: bytes | None, limit: int) -> Iterator[bytes]:
        count = 0
        while piece:
            count += len(piece)
            if count > limit:
                raise SourceTooLargeError(f"has more than the {limit} bytes it may")
            yield piece
            piece = self._part(name, count, min(_PIECE, limit + 1 - count))

    def _part(self, name: str, start: int, length: int) -> bytes | None:
        try:
            return self._objects.part(name, start, length)
        except ObjectMissingError:
            return None
        except OSError as error:
            raise SourceError(f"{name[:120]}: {error}") from error


def _bounded(found: bytes | None, limit: int) -> bytes | None:
    if found is not None and len(found) > limit:
        raise SourceTooLargeError(f"has more than the {limit} bytes it may")
    return found
