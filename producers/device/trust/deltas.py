"""The patches that the image repository offers beside an image, signed with it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from producers.device.trust.shapes import SHA256, Fields

FIELD: Final = "deltas"
MOST: Final = 8
"""Patches of one image: from its last eight predecessors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """A patch as an image's `custom.deltas` names it.

    Attributes:
        base: SHA-256 of the file it starts from, hex.
        length: Bytes of the patch.
        digest: SHA-256 of the patch, hex.
    """

    base: str
    length: int
    digest: str

    @property
    def path(self) -> str:
        """Its name in the image repository: by its content, so no path can lead out of it."""
        return f"deltas/{self.digest}.zst"


def to_custom(deltas: Iterable[Delta]) -> dict[str, Any]:
    """As they stand in a target's `custom.deltas`."""
    return {
        one.base: {"length": one.length, "hashes": {"sha256": one.digest}}
        for one in sorted(deltas, key=lambda one: one.base)
    }


def delta_from(custom: Any, base: str, length: int) -> Delta | None:
    """The patch that leads from a file to an image, when there is one and it is the smaller one.

    Args:
        custom: The image's custom data, by the image repository.
        base: SHA-256 of the file that the device has.
        length: Bytes of the image.

    Raises:
        RefusedError: The patches are not named in this form, or are more than `MOST`.
    """
    fields = Fields("targets", custom, "custom")
    if not fields.maybe(FIELD):
        return None
    deltas = fields.inner(FIELD)
    if len(deltas.names()) > MOST:
        raise deltas.wrong(deltas.path, f"may name {MOST} patches", deltas.names())
    found = {name: _delta(deltas, name) for name in deltas.names()}.get(base)
    return found if found is not None and found.length < length else None


def _delta(deltas: Fields, base: str) -> Delta:
    if not SHA256.fullmatch(base):
        raise deltas.wrong(deltas.path, "must be named by SHA-256 in lower case", base)
    named = deltas.inner(base)
    digest = named.inner("hashes").text("sha256", SHA256)
    return Delta(base=base, length=named.number("length", 1), digest=digest)
