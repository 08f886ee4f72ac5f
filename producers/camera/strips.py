"""Film strips: the frames of one encounter side by side in one PNG, and back."""

import io

import numpy as np
from PIL import Image, UnidentifiedImageError

from producers.camera.camera import SIZE, CameraError, Pictures

MAX_FRAMES = 64


def to_png(frames: Pictures) -> bytes:
    """Encode frames uint8 [n, 32, 32, 3] as a PNG of width 32 n, height 32.

    Raises:
        CameraError: Another shape or type, no frame, or more than MAX_FRAMES of them.
    """
    if frames.ndim != 4 or frames.shape[1:] != (SIZE, SIZE, 3) or frames.dtype != np.uint8:
        raise CameraError(
            f"film strip of {frames.dtype} {list(frames.shape)}: must be uint8 [n, 32, 32, 3]"
        )
    if not 1 <= len(frames) <= MAX_FRAMES:
        raise CameraError(f"film strip of {len(frames)} frames: must be 1 to {MAX_FRAMES}")
    body = io.BytesIO()
    Image.fromarray(np.hstack(list(frames))).save(body, format="PNG", compress_level=1)
    return body.getvalue()


def from_png(body: bytes) -> Pictures:
    """Decode a film strip to frames uint8 [n, 32, 32, 3].

    Raises:
        CameraError: Not a PNG, or not n frames of 32 x 32 RGB.
    """
    try:
        with Image.open(io.BytesIO(body), formats=["PNG"]) as picture:
            width, height = picture.size
            if picture.mode != "RGB" or height != SIZE or not _frames_fit(width):
                raise CameraError(
                    f"film strip {width} x {height} {picture.mode}: must be RGB, height 32, "
                    f"width 32 to {SIZE * MAX_FRAMES} in steps of 32"
                )
            pixels = np.asarray(picture)
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise CameraError(f"film strip of {len(body)} bytes: not a PNG: {error}") from error
    return np.ascontiguousarray(pixels.reshape(SIZE, -1, SIZE, 3).swapaxes(0, 1))


def _frames_fit(width: int) -> bool:
    return width > 0 and width % SIZE == 0 and width <= SIZE * MAX_FRAMES
