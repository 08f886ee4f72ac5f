"""Film strips keep every pixel, and refuse what is not one."""

import io

import numpy as np
import pytest
from PIL import Image

from producers.camera.camera import CameraError, encounter_id, parse_encounter_id
from producers.camera.strips import from_png, to_png


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
    with pytest.raises(CameraError, match=message):
        to_png(np.zeros(shape, kind))


def _png(mode: str, size: tuple[int, int]) -> bytes:
    body = io.BytesIO()
    Image.new(mode, size).save(body, format="PNG")
    return body.getvalue()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"nope", "4 bytes: not a PNG"),
        (_png("RGB", (64, 32))[:60], "not a PNG"),
        (_png("RGB", (64, 31)), "64 x 31 RGB"),
        (_png("RGB", (40, 32)), "40 x 32 RGB"),
        (_png("L", (64, 32)), "64 x 32 L"),
    ],
)
def test_other_bytes_are_refused(body: bytes, message: str) -> None:
    with pytest.raises(CameraError, match=message):
        from_png(body)


def test_encounter_ids_go_both_ways() -> None:
    assert parse_encounter_id(encounter_id("hw3/a", 7)) == ("hw3/a", 7)
    for text in ("", "d", "/1", "d/", "d/-1", "d/x", "d/²"):
        with pytest.raises(CameraError, match="not <device_id>/<number>"):
            parse_encounter_id(text)
