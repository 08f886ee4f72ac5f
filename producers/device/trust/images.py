"""An image's bytes against what was verified of it: bounded, every hash checked as they come."""

from collections.abc import Callable, Mapping
from typing import Any

from tuf.api.metadata import TargetFile

from producers.device.trust.documents import hasher
from producers.device.trust.refusal import Reason, RefusedError
from producers.device.trust.sources import Source, refusing

_OUTSIDE = ("", ".", "..")


class Announced:
    """Counts and hashes the bytes of a file that metadata announce.

    Args:
        path: The file, for messages.
        length: Its bytes.
        hashes: By name of the hash, hex.

    Raises:
        RefusedError: A hash is not one that this device trusts.
    """

    def __init__(self, path: str, length: int, hashes: Mapping[str, str]) -> None:
        self._path, self._length, self._announced = path[:120], length, hashes
        self._hashes: dict[str, Any] = {name: hasher(name) for name in hashes}
        self.count = 0
        if unknown := [name for name, digest in self._hashes.items() if digest is None]:
            raise _wrong(Reason.HASH_MISMATCH, f"no hash this device trusts: {unknown[0][:40]!r}")

    def take(self, piece: bytes) -> bytes:
        """Count one more piece, and give it back.

        Raises:
            RefusedError: It goes beyond the announced length.
        """
        self.count += len(piece)
        if self.count > self._length:
            rule = f"{self._path}: more than the announced {self._length} bytes"
            raise _wrong(Reason.OVERSIZED, rule)
        for digest in self._hashes.values():
            digest.update(piece)
        return piece

    def check(self) -> None:
        """Check the whole file, of which all pieces were taken.

        Raises:
            RefusedError: It is shorter, or another one.
        """
        if self.count != self._length:
            rule = f"{self._path}: has {self.count} bytes, announced {self._length}"
            raise _wrong(Reason.HASH_MISMATCH, rule)
        for name, announced in self._announced.items():
            if (found := self._hashes[name].hexdigest()) != announced.lower():
                rule = f"{self._path}: has {name} {found}, announced {announced}"
                raise _wrong(Reason.HASH_MISMATCH, rule)


def receive(
    source: Source, target: TargetFile, *, consistent: bool, keep: Callable[[bytes], object]
) -> None:
    """Stream an image into `keep`, which must throw away what it got when this raises.

    Args:
        source: The image repository.
        target: What was verified of it.
        consistent: Whether its name carries its hash.
        keep: Takes piece after piece.

    Raises:
        RefusedError: It is missing, longer or shorter, or has another hash.
        OSError: `keep` cannot.
    """
    announced = Announced(target.path, target.length, target.hashes)
    name = address(target, consistent=consistent)
    with refusing("target", target.path[:120], Reason.OVERSIZED):
        pieces = source.image(name, target.length)
        if pieces is None:
            raise _wrong(Reason.MISSING_FILE, f"the repository has no {target.path[:120]!r}")
        for piece in pieces:
            keep(announced.take(piece))
    announced.check()


def address(target: TargetFile, *, consistent: bool) -> str:
    """Name at the source, which may not lead out of the repository."""
    parts = target.path.split("/")
    if any(part in _OUTSIDE for part in parts) or "\\" in target.path or "\0" in target.path:
        raise _wrong(Reason.MALFORMED, f"path {target.path[:120]!r} leads out of the repository")
    if consistent:
        parts[-1] = f"{next(iter(target.hashes.values()))}.{parts[-1]}"
    return "/".join(parts)


def _wrong(reason: Reason, rule: str) -> RefusedError:
    return RefusedError("target", reason, rule)
