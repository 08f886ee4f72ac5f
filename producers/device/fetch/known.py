"""The known inputs of an image, fetched as an image is: bounded, resumed, verified."""

from producers.device.buckets import TokenBucket
from producers.device.fetch.download import Download, Partial, Wanted
from producers.device.trust.known import Signed
from producers.device.trust.sources import Source


def known_fetch(
    source: Source, signed: Signed, into: Partial, link: TokenBucket | None = None
) -> Download:
    """The download of known inputs; arguments and errors as of `Download`."""
    hashes = {"sha256": signed.digest}
    wanted = Wanted(path=signed.path, length=signed.length, hashes=hashes)
    return Download(source, wanted, into, link)
