"""A repository over HTTP: bounded in bytes, in time, and in how slowly it may give them."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import httpx

from producers.device.trust.sources import SourceError, SourceTooLargeError, SourceTooSlowError

_MISSING: Final = (HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN)  # stores without list rights say 403


@dataclass(frozen=True, slots=True)
class Patience:
    """How slow a source may be.

    Attributes:
        silence_s: Seconds without a byte, also for connecting.
        grace_s: Seconds before the rate counts.
        bytes_per_s: Least mean rate after them.
    """

    silence_s: float = 10.0
    grace_s: float = 10.0
    bytes_per_s: float = 1024.0


class HttpSource:
    """A repository at two addresses.

    Args:
        client: Its connections; it follows no redirect, which would be another source.
        metadata_url: Folder of the metadata.
        images_url: Folder of the images.
        patience: When to give up.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        client: httpx.Client,
        metadata_url: str,
        images_url: str,
        patience: Patience = Patience(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client, self._patience, self._clock = client, patience, clock
        self._metadata_url = metadata_url.rstrip("/")
        self._images_url = images_url.rstrip("/")

    def metadata(self, name: str, limit: int) -> bytes | None:
        """A metadata file; its name is percent-encoded already and is not encoded again."""
        pieces = self._pieces(f"{self._metadata_url}/{name}", limit)
        return None if pieces is None else b"".join(pieces)

    def image(self, path: str, limit: int) -> Iterator[bytes] | None:
        """An image."""
        return self._pieces(f"{self._images_url}/{quote(path)}", limit)

    def part(self, path: str, start: int, length: int) -> bytes | None:
        """A part of an image, by a range request."""
        url = f"{self._images_url}/{quote(path)}"
        pieces = self._pieces(url, length, start)
        return None if pieces is None else b"".join(pieces)

    def _pieces(self, url: str, limit: int, start: int | None = None) -> Iterator[bytes] | None:
        """The body, of which nothing is read before the answer's head has been judged.

        With a `start` the `limit` bytes from there; without, a whole file that may have no more.
        """
        headers = {"Accept-Encoding": "identity"}
        if start is not None:
            headers["Range"] = f"bytes={start}-{start + limit - 1}"
        request = self._client.build_request("GET", url, headers=headers)
        began = self._clock()
        try:
            answer = self._client.send(request, stream=True)
        except httpx.HTTPError as error:
            raise _named(error) from error
        if _is_right(answer, start):
            return self._body(answer, limit, began)
        answer.close()
        if answer.status_code in _MISSING:
            return None
        if answer.status_code in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
            raise SourceError("gives other parts of a file than it is asked for, or none")
        raise SourceError(f"answered {answer.status_code}")

    def _body(self, answer: httpx.Response, limit: int, began: float) -> Iterator[bytes]:
        count = 0
        try:
            announced = answer.headers.get("content-length", "")
            if announced.isdecimal() and int(announced) > limit:
                raise SourceTooLargeError(f"announces {announced} bytes, {limit} may be read")
            # Raw: a compressed answer would grow after it was counted.
            for piece in answer.iter_raw():
                count += len(piece)
                if count > limit:
                    raise SourceTooLargeError(f"sends more than the {limit} bytes it may")
                self._check_rate(count, self._clock() - began)
                yield piece
        except httpx.HTTPError as error:
            raise _named(error) from error
        finally:
            answer.close()

    def _check_rate(self, count: int, seconds: float) -> None:
        counted = seconds - self._patience.grace_s
        if counted > 0 and count < counted * self._patience.bytes_per_s:
            raise SourceTooSlowError(f"{count} bytes in {seconds:.0f} s")


def _is_right(answer: httpx.Response, start: int | None) -> bool:
    if start is None:
        return answer.status_code == HTTPStatus.OK
    begins = answer.headers.get("content-range", "").startswith(f"bytes {start}-")
    return answer.status_code == HTTPStatus.PARTIAL_CONTENT and begins


def _named(error: httpx.HTTPError) -> SourceError:
    if isinstance(error, httpx.TimeoutException):
        return SourceTooSlowError(f"silent: {type(error).__name__}")
    return SourceError(str(error) or type(error).__name__)
