"""The known inputs that the image repository offers beside an image, signed with it."""

from dataclasses import dataclass
from typing import Any, Final

from producers.device.trust.shapes import SHA256, Fields
from schemas.known_inputs import MOST_BYTES

FIELD: Final = "known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """Known inputs as an image's `custom.known` names them.

    Attributes:
        length: Bytes of the file.
        digest: SHA-256 of the file, hex.
    """

    length: int
    digest: str

    @property
    def path(self) -> str:
        """Its name in the image repository: by its content, so no path can lead out of it."""
        return f"known/{self.digest}.json"


def to_custom(known: Signed) -> dict[str, Any]:
    """As they stand in a target's `custom.known`."""
    return {"length": known.length, "hashes": {"sha256": known.digest}}


def known_from(custom: Any) -> Signed | None:
    """The known inputs of an image; None: none are signed with it.

    Args:
        custom: The image's custom data, by the image repository.

    Raises:
        RefusedError: They are not named in this form, or are larger than may be.
    """
    fields = Fields("targets", custom, "custom")
    if not fields.maybe(FIELD):
        return None
    named = fields.inner(FIELD)
    digest = named.inner("hashes").text("sha256", SHA256)
    return Signed(length=named.number("length", 1, MOST_BYTES), digest=digest)
