"""One file's download: part by part, so that going on after a power cut is the ordinary way.

Each part is one bounded request and is kept before the next one is asked for. What was kept by an
earlier boot is hashed again; nothing of it is believed until the whole has the announced digest.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from producers.device.buckets import HOUR_US, TokenBucket
from producers.device.trust.images import Announced
from producers.device.trust.refusal import Reason, RefusedError
from producers.device.trust.sources import Source, refusing

PART: Final = 256 * 1024
"""Bytes asked for at once: a boot that ends loses no more."""


class Partial(Protocol):
    """The bytes of one unfinished file."""

    def read(self) -> Iterator[bytes]:
        """What is kept, from its beginning."""

    def append(self, data: bytes) -> None:
        """Keep more; once it returns a power cut does not take it back. Raises OSError."""

    def clear(self) -> None:
        """Keep nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A file of the image repository, as verified metadata announce it."""

    path: str
    length: int
    hashes: Mapping[str, str]


class Download:
    """Brings one file, a part a turn. After an error it is over: make another to go on.

    Args:
        source: The image repository.
        wanted: The file; never a byte more than its length is asked for.
        into: Where it is kept; what is there from before is gone on from.
        link: The bytes that may be fetched, perhaps shared by many devices; None: as many as come.
            In any span of time never more than its burst and what flows in meanwhile.

    Raises:
        RefusedError: No hash of the file is one that this device trusts.
        OSError: What is kept cannot be read.
    """

    def __init__(
        self, source: Source, wanted: Wanted, into: Partial, link: TokenBucket | None = None
    ) -> None:
        self._source, self._wanted, self._into, self._link = source, wanted, into, link
        self._announced = self._resumed()
        self._kept_before = self.have > 0

    @property
    def have(self) -> int:
        """Bytes kept so far."""
        return self._announced.count

    def turn(self, now_us: int) -> int | None:
        """Fetch one part if the link allows it now.

        Returns:
            When to come again, in the time of `now_us`; None: the file is whole and verified.

        Raises:
            RefusedError: The source is unreachable, too slow or breaks off, and what came is kept;
                or it gave another file, of which nothing is kept.
            OSError: The storage cannot keep it.
        """
        if self.have < self._wanted.length:
            size = min(PART, self._wanted.length - self.have)
            if self._link is not None:
                size = min(size, int(self._link.burst))
                if not self._link.holds(now_us, size):
                    return now_us + self._link.wait_us(size)
                # Spent before it is asked for: also a part that never comes took its place.
                self._link.spend(size)
            self._keep(self._part(size), size)
        if self.have < self._wanted.length:
            return now_us
        return self._checked(now_us)

    def _part(self, size: int) -> bytes:
        with refusing("target", self._wanted.path, Reason.OVERSIZED):
            found = self._source.part(self._wanted.path, self.have, size)
        if found is None:
            rule = f"the repository has no {self._wanted.path[:120]!r}"
            raise RefusedError("target", Reason.MISSING_FILE, rule)
        return found

    def _keep(self, part: bytes, size: int) -> None:
        if len(part) > size:
            self._into.clear()
            rule = f"{self._wanted.path}: {len(part)} bytes where {size} were asked for"
            raise RefusedError("target", Reason.OVERSIZED, rule)
        self._into.append(part)
        self._announced.take(part)
        if len(part) < size:
            # Asked for again by the next attempt, not at once: a source that gives a byte at a
            # time would keep a device busy for ever.
            rule = f"{self._wanted.path}: breaks off after {self.have} of {self._wanted.length}"
            raise RefusedError("target", Reason.UNREACHABLE, f"{rule} bytes")

    def _checked(self, now_us: int) -> int | None:
        try:
            self._announced.check()
        except RefusedError:
            self._into.clear()
            if not self._kept_before:
                raise
            # A power cut may have torn what an earlier boot kept: that says nothing of the source.
            self._announced, self._kept_before = self._anew(), False
            return now_us
        return None

    def _resumed(self) -> Announced:
        announced = self._anew()
        try:
            for piece in self._into.read():
                announced.take(piece)
        except RefusedError:  # longer than the file: kept of something else
            self._into.clear()
            return self._anew()
        return announced

    def _anew(self) -> Announced:
        return Announced(self._wanted.path, self._wanted.length, self._wanted.hashes)


def link(bytes_per_s: float, burst: float = PART) -> TokenBucket:
    """A link of so many bytes a second, on which at first `burst` may go at once.

    Raises:
        ValueError: It lets nothing through.
    """
    if not bytes_per_s > 0 or burst < 1:
        raise ValueError(f"link of {bytes_per_s} bytes/s, burst {burst}: lets nothing through")
    return TokenBucket.full(burst, bytes_per_s * HOUR_US / 1e6)
