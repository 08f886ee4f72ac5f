"""Where metadata and images come from: a folder here, HTTP in `http_source`; none is trusted."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from producers.device.trust.refusal import Reason, RefusedError

_CHUNK: Final = 64 * 1024


class SourceError(Exception):
    """The source gives nothing: unreachable, or broken off."""


class SourceTooLargeError(SourceError):
    """The source has more bytes than may be read."""


class SourceTooSlowError(SourceError):
    """The source gives its bytes slower than may be waited for."""


@contextmanager
def refusing(role: str, name: str, too_large: Reason = Reason.TOO_LARGE) -> Iterator[None]:
    """Turn a source's errors into refusals of the role whose file it was to give."""
    try:
        yield
    except SourceTooLargeError as error:
        raise RefusedError(role, too_large, f"{name}: {error}") from error
    except SourceTooSlowError as error:
        raise RefusedError(role, Reason.TOO_SLOW, f"{name}: {error}") from error
    except SourceError as error:
        raise RefusedError(role, Reason.UNREACHABLE, f"{name}: {error}") from error


class Source(Protocol):
    """One repository, as untrusted bytes by name."""

    def metadata(self, name: str, limit: int) -> bytes | None:
        """A metadata file, at most `limit` bytes; None: there is none.

        Args:
            name: File name, with the role percent-encoded: `2.foo%2Fbar.json`.
            limit: Bytes that may be read.

        Raises:
            SourceTooLargeError: It has more, by what it announces or by what it sends.
            SourceError: Unreachable, broken off or too slow.
        """

    def image(self, path: str, limit: int) -> Iterator[bytes] | None:
        """An image in pieces; at most one piece beyond `limit` is read. None: there is none.

        Raises:
            SourceTooLargeError, SourceError: As for metadata, also while it is iterated.
        """

    def part(self, path: str, start: int, length: int) -> bytes | None:
        """A part of an image: `length` bytes from `start`, fewer only at its end; None: no image.

        Raises:
            SourceTooLargeError: It gives more than was asked for.
            SourceError: Unreachable, broken off, too slow, or it cannot give parts.
        """


class FolderSource:
    """A repository in a folder: metadata at its top, delegated roles there or in `delegations`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def metadata(self, name: str, limit: int) -> bytes | None:
        """A metadata file."""
        for path in (self._folder / name, self._folder / "delegations" / name):
            pieces = _pieces(path, limit)
            if pieces is not None:
                return b"".join(pieces)
        return None

    def image(self, path: str, limit: int) -> Iterator[bytes] | None:
        """An image."""
        return _pieces(self._folder / path, limit)

    def part(self, path: str, start: int, length: int) -> bytes | None:
        """A part of an image."""
        if _found(self._folder / path) is None:
            return None
        with _opened(self._folder / path) as file:
            try:
                return os.pread(file, length, start)
            except OSError as error:
                raise SourceError(f"{path}: {error.strerror}") from error


def _pieces(path: Path, limit: int) -> Iterator[bytes] | None:
    found = _found(path)
    if found is None:
        return None
    if found.st_size > limit:
        raise SourceTooLargeError(f"{found.st_size} bytes, at most {limit} may be read")
    return _read(path, limit)


def _found(path: Path) -> os.stat_result | None:
    """Only a regular file is opened: a pipe or a device could keep us for ever."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
    return found if stat.S_ISREG(found.st_mode) else None


def _read(path: Path, limit: int) -> Iterator[bytes]:
    with _opened(path) as file:
        count = 0
        while piece := os.read(file, _CHUNK):
            count += len(piece)
            if count > limit:
                raise SourceTooLargeError(f"grows beyond {limit} bytes while it is read")
            yield piece


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
    try:
        yield file
    finally:
        os.close(file)
