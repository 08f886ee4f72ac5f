"""Film strips: the frames of one encounter side by side in one PNG, and back."""

import io
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

SIZE: Final = 32
"""Frames are SIZE x SIZE RGB."""
MAX_FRAMES: Final = 64

Pictures = NDArray[np.uint8]
"""uint8 [n, 32, 32, 3], RGB."""


_NOT_A_STRIP: Final = (
    UnidentifiedImageError,
    OSError,
    SyntaxError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
    ValueError,  # a chunk beside the pixels is cut short, or unpacks to too much
)


class StripError(ValueError):
    """A film strip is not what it must be; the message says how it differs."""


def to_png(frames: NDArray[np.generic]) -> bytes:
    """Encode frames uint8 [n, 32, 32, 3] as a PNG of width 32 n, height 32.

    Raises:
        StripError: Another shape or type, no frame, or more than MAX_FRAMES of them.
    """
    if frames.ndim != 4 or frames.shape[1:] != (SIZE, SIZE, 3) or frames.dtype != np.uint8:
        raise StripError(
            f"film strip of {frames.dtype} {list(frames.shape)}: must be uint8 [n, 32, 32, 3]"
        )
    if not 1 <= len(frames) <= MAX_FRAMES:
        raise StripError(f"film strip of {len(frames)} frames: must be 1 to {MAX_FRAMES}")
    body = io.BytesIO()
    Image.fromarray(np.hstack(list(frames))).save(body, format="PNG", compress_level=1)
    return body.getvalue()


def from_png(body: bytes) -> Pictures:
    """Decode a film strip to frames uint8 [n, 32, 32, 3].

    Raises:
        StripError: Not a PNG, or not n frames of 32 x 32 RGB.
    """
    try:
        with Image.open(io.BytesIO(body), formats=["PNG"]) as picture:
            pixels = _pixels(picture)
    except StripError:
        raise
    except _NOT_A_STRIP as error:
        raise StripError(f"film strip of {len(body)} bytes: not a PNG: {error}") from error
    return np.ascontiguousarray(pixels.reshape(SIZE, -1, SIZE, 3).swapaxes(0, 1))


def _pixels(picture: Image.Image) -> NDArray[np.uint8]:
    """The pixels, unpacked only when the header promises no more of them than a strip has."""
    width, height = picture.size
    if picture.mode != "RGB" or height != SIZE or not _frames_fit(width):
        raise StripError(
            f"film strip {width} x {height} {picture.mode}: must be RGB, height 32, "
            f"width 32 to {SIZE * MAX_FRAMES} in steps of 32"
        )
    return np.asarray(picture)


def _frames_fit(width: int) -> bool:
    return width > 0 and width % SIZE == 0 and width <= SIZE * MAX_FRAMES
