"""Fetching an image: bounded by its announced length, every hash checked while it streams."""

from collections.abc import Callable

from tuf.api.metadata import TargetFile

from producers.device.trust.documents import hasher
from producers.device.trust.refusal import Reason, RefusedError
from producers.device.trust.sources import Source, refusing

_OUTSIDE = ("", ".", "..")


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
    hashes = {name: hasher(name) for name in target.hashes}
    if unknown := [name for name, digest in hashes.items() if digest is None]:
        raise _wrong(Reason.HASH_MISMATCH, f"no hash this device trusts: {unknown[0][:40]!r}")
    length = 0
    address = _address(target, consistent=consistent)
    with refusing("target", target.path[:120], Reason.OVERSIZED):
        pieces = source.image(address, target.length)
        if pieces is None:
            raise _wrong(Reason.MISSING_FILE, f"the repository has no {target.path[:120]!r}")
        for piece in pieces:
            length += len(piece)
            for digest in hashes.values():
                digest.update(piece)
            keep(piece)
    if length != target.length:
        raise _wrong(Reason.HASH_MISMATCH, f"has {length} bytes, announced {target.length}")
    for name, announced in target.hashes.items():
        if (found := hashes[name].hexdigest()) != announced.lower():
            raise _wrong(Reason.HASH_MISMATCH, f"has {name} {found}, announced {announced}")


def _address(target: TargetFile, *, consistent: bool) -> str:
    """Name at the source, which may not lead out of the repository."""
    parts = target.path.split("/")
    if any(part in _OUTSIDE for part in parts) or "\\" in target.path or "\0" in target.path:
        raise _wrong(Reason.MALFORMED, f"path {target.path[:120]!r} leads out of the repository")
    if consistent:
        parts[-1] = f"{next(iter(target.hashes.values()))}.{parts[-1]}"
    return "/".join(parts)


def _wrong(reason: Reason, rule: str) -> RefusedError:
    return RefusedError("target", reason, rule)
