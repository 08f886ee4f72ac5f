"""An image, by the patch from the running model when one is offered and holds, else whole."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from producers.device.buckets import TokenBucket
from producers.device.fetch.download import Download, Partial, Wanted
from producers.device.trust.cycle import Verified
from producers.device.trust.deltas import Delta, delta_from
from producers.device.trust.images import Announced, address
from producers.device.trust.refusal import Reason, RefusedError
from producers.device.trust.sources import Source
from producers.patches import PatchError, patched

_PASSING = frozenset({Reason.UNREACHABLE, Reason.TOO_SLOW})


@dataclass(frozen=True, slots=True)
class Base:
    """The model that a patch may start from: its SHA-256, and its bytes when they are needed.

    `read` may raise OSError; then the image is fetched whole.
    """

    digest: str
    read: Callable[[], bytes]


class ImageFetch:
    """Brings one verified image into a file, a part a turn; see `Download`.

    A patch that is missing, is another file or does not lead to the image costs its own bytes at
    most, and the image is fetched whole.

    Args:
        source: The image repository.
        verified: The image.
        into: Where it is kept.
        patch_into: Where its patch is kept meanwhile.
        base: The running model; None: there is none.
        link: As for `Download`.

    Attributes:
        delta: The patch it is made by; None: it is fetched whole.
        refused: Why it is not made by the patch that was offered; None: it is, or none was.
    """

    def __init__(
        self,
        source: Source,
        verified: Verified,
        into: Partial,
        patch_into: Partial,
        base: Base | None = None,
        link: TokenBucket | None = None,
    ) -> None:
        self._source, self._into, self._patch_into, self._link = source, into, patch_into, link
        target = verified.target
        self._wanted = Wanted(
            path=address(target, consistent=verified.consistent),
            length=target.length,
            hashes=target.hashes,
        )
        self._base = base
        self.refused: str | None = None
        self.delta: Delta | None = None
        if base is not None and not self._was_whole():
            self.delta = delta_from(target.custom, base.digest, target.length)
        self._download = self._begun()

    @property
    def have(self) -> int:
        """Bytes of the download under way that are kept."""
        return self._download.have

    def turn(self, now_us: int) -> int | None:
        """Fetch one part if the link allows it now.

        Returns:
            When to come again; None: `into` holds the image, verified.

        Raises:
            RefusedError, OSError: As `Download.turn`, for the whole image; of a patch only what
                passes: the source is unreachable or too slow.
        """
        if self.delta is None or self._base is None:
            return self._download.turn(now_us)
        try:
            if (again_us := self._download.turn(now_us)) is not None:
                return again_us
            self._apply(self._base)
        except RefusedError as error:
            if error.reason in _PASSING:
                raise
            return self._go_whole(str(error), now_us)
        except PatchError as error:
            return self._go_whole(f"{self.delta.path}: {error}", now_us)
        self._patch_into.clear()
        return None

    def _apply(self, base: Base) -> None:
        try:
            old = base.read()
        except OSError as error:
            raise PatchError(f"the running model cannot be read: {error.strerror}") from error
        self._into.clear()
        announced = Announced(self._wanted.path, self._wanted.length, self._wanted.hashes)
        for piece in patched(self._patch_into.read(), old, self._wanted.length):
            self._into.append(announced.take(piece))
        announced.check()

    def _go_whole(self, why: str, now_us: int) -> int:
        self.delta, self.refused = None, why
        self._patch_into.clear()
        self._into.clear()
        self._download = self._begun()
        return now_us

    def _was_whole(self) -> bool:
        """Whether an earlier boot fetched it whole: what is kept of that is not thrown away."""
        return any(self._into.read()) and not any(self._patch_into.read())

    def _begun(self) -> Download:
        if self.delta is None:
            return Download(self._source, self._wanted, self._into, self._link)
        hashes: Mapping[str, str] = {"sha256": self.delta.digest}
        wanted = Wanted(path=self.delta.path, length=self.delta.length, hashes=hashes)
        return Download(self._source, wanted, self._patch_into, self._link)
