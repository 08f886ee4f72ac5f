"""Sources that lie about size, never end, or give a byte now and then."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from infra.objects import ObjectStore
from producers.device.trust.http_source import HttpSource
from producers.device.trust.object_source import ObjectSource
from producers.device.trust.sources import (
    FolderSource,
    Source,
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


FILE = bytes(range(256)) * 2_000


def ranged(request: httpx.Request) -> httpx.Response:
    """What a store with ranges answers (RFC 9110, section 14)."""
    first, last = map(int, request.headers["range"].removeprefix("bytes=").split("-"))
    if first >= len(FILE):
        return httpx.Response(416, headers={"content-range": f"bytes */{len(FILE)}"})
    part = FILE[first : last + 1]
    head = {"content-range": f"bytes {first}-{first + len(part) - 1}/{len(FILE)}"}
    return httpx.Response(206, stream=httpx.ByteStream(part), headers=head)


@pytest.fixture(params=["folder", "http", "objects"])
def with_parts(request: pytest.FixtureRequest, tmp_path: Path) -> Source:
    (tmp_path / "targets" / "a").mkdir(parents=True)
    (tmp_path / "targets" / "a" / "model").write_bytes(FILE)
    if request.param == "folder":
        return FolderSource(tmp_path / "targets")
    if request.param == "objects":
        return ObjectSource(ObjectStore(tmp_path.as_uri()), "metadata", "targets")
    client = httpx.Client(transport=httpx.MockTransport(ranged))
    return HttpSource(client, "http://repo/metadata", "http://repo/targets")


def test_every_source_gives_parts(with_parts: Source) -> None:
    assert with_parts.part("a/model", 0, 10) == FILE[:10]
    assert with_parts.part("a/model", 100_001, 50_000) == FILE[100_001:150_001]
    assert with_parts.part("a/model", len(FILE) - 5, 10) == FILE[-5:]


def test_beyond_its_end_a_file_has_nothing_or_an_error(with_parts: Source) -> None:
    try:
        assert with_parts.part("a/model", len(FILE), 10) == b""
    except SourceError as error:
        assert "416" in str(error)  # noqa: PT017 - either tells that nothing is there


def test_an_object_store_gives_whole_files_within_the_limit(tmp_path: Path) -> None:
    objects = ObjectStore(tmp_path.as_uri())
    objects.put_named("metadata/timestamp.json", b"0123456789")
    objects.put_named("targets/model", FILE)
    source = ObjectSource(objects, "metadata/", "targets/")
    assert source.metadata("timestamp.json", 10) == b"0123456789"
    assert source.metadata("2.root.json", 10) is None
    with pytest.raises(SourceTooLargeError, match="more than the 9 bytes"):
        source.metadata("timestamp.json", 9)
    assert b"".join(source.image("model", len(FILE)) or ()) == FILE
    assert source.image("other", 10) is None
    assert source.part("other", 0, 10) is None
    with pytest.raises(SourceTooLargeError, match="more than the"):
        list(source.image("model", len(FILE) - 1) or ())


def test_a_store_that_does_not_answer_is_a_source_that_fails(tmp_path: Path) -> None:
    (tmp_path / "targets").write_bytes(b"a file where a folder was")
    source = ObjectSource(ObjectStore(tmp_path.as_uri()), "metadata", "targets")
    with pytest.raises(SourceError, match="targets/model"):
        source.part("model", 0, 10)


@pytest.mark.parametrize("code", [200, 206])
def test_parts_that_were_not_asked_for_are_refused(code: int) -> None:
    """A store without ranges sends the whole; one that lies sends another part."""
    with pytest.raises(SourceError, match="other parts of a file"):
        source(FILE, code, {"content-range": "bytes 0-9/10"}).part("model", 5, 10)


def test_a_part_that_never_ends_is_read_no_further_than_was_asked() -> None:
    body = Dripping(b"x" * 100, pause_s=0.0)
    with pytest.raises(SourceTooLargeError, match="more than the 1000 bytes"):
        source(body, 206, {"content-range": "bytes 5-1004/9999"}).part("model", 5, 1000)
    assert body.given <= 1100


def test_a_part_that_drips_is_too_slow() -> None:
    body = Dripping(b"x", pause_s=1.0)
    with pytest.raises(SourceTooSlowError, match="bytes in"):
        source(body, 206, {"content-range": "bytes 0-9999/9999"}).part("model", 0, 10_000)


def test_a_folder_gives_no_parts_of_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model")
    assert FolderSource(tmp_path).part("model", 0, 10) is None
    assert FolderSource(tmp_path).part("other", 0, 10) is None
