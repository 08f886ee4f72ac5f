"""Sources that lie about size, never end, or give a byte now and then."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from producers.device.trust.http_source import HttpSource
from producers.device.trust.sources import (
    FolderSource,
    SourceError,
    SourceTooLargeError,
    SourceTooSlowError,
)


class Dripping(httpx.SyncByteStream):
    """A body that comes piece by piece, while a clock goes on."""

    def __init__(self, piece: bytes, pause_s: float) -> None:
        self.now, self.given, self._piece, self._pause_s = 0.0, 0, piece, pause_s

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self.now += self._pause_s
            self.given += len(self._piece)
            yield self._piece


def source(
    body: Dripping | bytes, code: int = 200, headers: dict[str, str] | None = None
) -> HttpSource:
    def answer(_: httpx.Request) -> httpx.Response:
        if isinstance(body, bytes):
            return httpx.Response(code, content=body, headers=headers)
        return httpx.Response(code, stream=body, headers=headers)

    client = httpx.Client(transport=httpx.MockTransport(answer))
    clock = (lambda: body.now) if isinstance(body, Dripping) else (lambda: 0.0)
    return HttpSource(client, "http://repo/metadata", "http://repo/targets", clock=clock)


def test_slow_retrieval_ends_when_the_rate_is_too_low() -> None:
    body = Dripping(b"x", pause_s=1.0)
    with pytest.raises(SourceTooSlowError, match=r"bytes in 1[12] s"):
        source(body).metadata("timestamp.json", 10_000)


def test_an_endless_body_is_read_no_further_than_its_limit() -> None:
    body = Dripping(b"x" * 100, pause_s=0.0)
    with pytest.raises(SourceTooLargeError, match="more than the 1000 bytes"):
        source(body).metadata("timestamp.json", 1000)
    assert body.given <= 1100


def test_an_announced_size_is_refused_before_a_byte_is_read() -> None:
    body = Dripping(b"x", pause_s=0.0)
    with pytest.raises(SourceTooLargeError, match="announces 5000 bytes"):
        source(body, headers={"content-length": "5000"}).metadata("timestamp.json", 1000)
    assert body.given == 0


def test_missing_is_none_and_everything_else_is_an_error() -> None:
    assert source(b"", 404).metadata("2.root.json", 10) is None
    for code in (301, 500):
        with pytest.raises(SourceError, match=f"answered {code}"):
            source(b"", code).metadata("2.root.json", 10)


def test_a_folder_gives_regular_files_only_and_within_the_limit(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "timestamp.json")
    (tmp_path / "2.root.json").mkdir()
    (tmp_path / "targets.json").write_bytes(b"x" * 11)
    folder = FolderSource(tmp_path)
    assert folder.metadata("timestamp.json", 10) is None
    assert folder.metadata("2.root.json", 10) is None
    with pytest.raises(SourceTooLargeError, match="11 bytes, at most 10"):
        folder.metadata("targets.json", 10)
