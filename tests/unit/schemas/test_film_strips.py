"""Film strips keep every pixel, and refuse what is not one."""

import contextlib
import io
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile

from schemas.film_strips import StripError, from_png, to_png


@pytest.mark.parametrize("count", [1, 6, 64])
def test_round_trip_is_exact(count: int) -> None:
    frames = np.random.default_rng(count).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
    body = to_png(frames)
    assert np.array_equal(from_png(body), frames)
    with Image.open(io.BytesIO(body)) as picture:
        assert picture.size == (32 * count, 32)


@pytest.mark.parametrize(
    ("shape", "kind", "message"),
    [
        ((32, 32, 3), np.uint8, r"\[32, 32, 3\]: must be uint8"),
        ((2, 32, 31, 3), np.uint8, r"\[2, 32, 31, 3\]"),
        ((2, 32, 32, 3), np.float32, "float32"),
        ((0, 32, 32, 3), np.uint8, "0 frames"),
        ((65, 32, 32, 3), np.uint8, "65 frames"),
    ],
)
def test_a_wrong_shape_is_refused(shape: tuple[int, ...], kind: type, message: str) -> None:
    with pytest.raises(StripError, match=message):
        to_png(np.zeros(shape, kind))


def _png(mode: str, size: tuple[int, int]) -> bytes:
    body = io.BytesIO()
    Image.new(mode, size).save(body, format="PNG")
    return body.getvalue()


def _announcing(width: int, height: int) -> bytes:
    """A PNG whose header promises a size that its few bytes do not hold."""
    body = bytearray(_png("RGB", (32, 32)))
    body[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    body[29:33] = zlib.crc32(body[12:29]).to_bytes(4, "big")
    return bytes(body)


def _with_chunk(kind: bytes, data: bytes) -> bytes:
    """A film strip with one more chunk before its pixels."""
    body = _png("RGB", (32, 32))
    check = zlib.crc32(kind + data).to_bytes(4, "big")
    return body[:33] + len(data).to_bytes(4, "big") + kind + data + check + body[33:]


_BOMB = zlib.compress(bytes(20_000_000))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (_announcing(20_000, 20_000), "exceeds limit"),
        (_announcing(10_000, 10_000), "exceeds limit"),
        (_announcing(2_048, 20_000), "2048 x 20000 RGB"),
        (_announcing(0, 32), "not a PNG|0 x 32"),
        (_announcing(32, 0), "not a PNG|32 x 0"),
        (_announcing(0, 0), "not a PNG|0 x 0"),
        (_with_chunk(b"zTXt", b"k\0\0" + _BOMB), "not a PNG: Decompressed data too large"),
        (_with_chunk(b"iTXt", b"k\0\1\0\0\0" + _BOMB), "not a PNG: Decompressed data too large"),
        (_with_chunk(b"iCCP", b"k\0\0" + _BOMB), "not a PNG: Decompressed data too large"),
        (_with_chunk(b"pHYs", b"\0"), "not a PNG: Truncated pHYs"),
        (b"", "0 bytes: not a PNG"),
        (b"nope", "4 bytes: not a PNG"),
        (_png("RGB", (64, 32))[:60], "not a PNG"),
        (_png("RGB", (64, 31)), "64 x 31 RGB"),
        (_png("RGB", (40, 32)), "40 x 32 RGB"),
        (_png("L", (64, 32)), "64 x 32 L"),
    ],
)
def test_other_bytes_are_refused(body: bytes, message: str) -> None:
    with pytest.raises(StripError, match=message):
        from_png(body)


@pytest.mark.parametrize("size", [(20_000, 20_000), (2_048, 20_000), (32, 20_000), (20_000, 32)])
def test_a_picture_of_another_size_is_refused_before_it_is_decoded(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def decoded(_: object) -> None:
        raise AssertionError("20,000 pixels a side were unpacked")

    monkeypatch.setattr(ImageFile.ImageFile, "load", decoded)
    with pytest.raises(StripError):
        from_png(_announcing(*size))


@pytest.mark.filterwarnings("default::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("seed", range(4))
def test_whatever_a_device_sends_is_a_strip_or_a_strip_error(seed: int) -> None:
    rng = np.random.default_rng(seed)
    whole = to_png(rng.integers(0, 256, (2, 32, 32, 3), dtype=np.uint8))
    for _ in range(250):
        body = bytearray(whole)
        for place in rng.integers(0, 80, rng.integers(1, 4)):
            body[place] = rng.integers(256)
        if rng.random() < 0.3:
            body = body[: rng.integers(len(body))]
        body[29:33] = zlib.crc32(body[12:29]).to_bytes(4, "big")
        with contextlib.suppress(StripError):
            assert from_png(bytes(body)).shape[1:] == (32, 32, 3)
