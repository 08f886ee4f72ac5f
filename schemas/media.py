"""What devices perceive the world in: pictures or sound, each with its codec and fingerprint.

Whoever keeps, reads or compares what devices send asks here, by media type, and knows no device
class.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from schemas.film_strips import SIZE, StripError, from_png, to_png
from schemas.fingerprints import fingerprint
from schemas.sound_prints import sound_print
from schemas.sound_strips import STEP, WINDOW, from_wav, to_wav

Frames = NDArray[np.generic]
"""Frames of one medium: [n, *shape]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Medium:
    """One kind of frames.

    Attributes:
        name: What one frame is called.
        media_type, suffix: Of an encounter's frames as one object.
        input: Name of a model's input; dtype, shape: of one frame in it.
        encode: All frames of an encounter, [n, *shape], as one object; raises StripError.
        decode: And back; raises StripError.
        size: Width and height, as records tell them, of the object of n frames: of pictures
            pixels, of sound samples and channels.
        fingerprint: 64 bytes of one frame, for `schemas.fingerprints.near_pairs`.
    """

    name: str
    media_type: str
    suffix: str
    input: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    encode: Callable[[Frames], bytes]
    decode: Callable[[bytes], Frames]
    size: Callable[[int], tuple[int, int]]
    fingerprint: Callable[[Frames], bytes]

    def fits(self, frames: Frames) -> bool:
        """Whether frames [n, *shape] are of this medium."""
        return frames.dtype == self.dtype and frames.shape[1:] == self.shape

    @property
    def form(self) -> str:
        """Type and shape of many frames, in words."""
        return f"{self.dtype} [N, {', '.join(map(str, self.shape))}]"


PICTURES: Final = Medium(
    name="picture",
    media_type="image/png",
    suffix=".png",
    input="image",
    dtype=np.dtype(np.uint8),
    shape=(SIZE, SIZE, 3),
    encode=to_png,
    decode=from_png,
    size=lambda count: (SIZE * count, SIZE),
    fingerprint=fingerprint,
)
SOUND: Final = Medium(
    name="sound",
    media_type="audio/wav",
    suffix=".wav",
    input="sound",
    dtype=np.dtype(np.int16),
    shape=(WINDOW,),
    encode=to_wav,
    decode=from_wav,
    size=lambda count: (WINDOW + (count - 1) * STEP, 1),
    fingerprint=sound_print,
)
MEDIA: Final[Mapping[str, Medium]] = {one.media_type: one for one in (PICTURES, SOUND)}
"""By media type."""


def medium_of(frames: Frames) -> Medium:
    """The medium of frames, by their type and shape.

    Raises:
        StripError: They are of none.
    """
    found = next((one for one in MEDIA.values() if one.fits(frames)), None)
    if found is None:
        forms = " or ".join(one.form for one in MEDIA.values())
        raise StripError(f"frames of {frames.dtype} {list(frames.shape)}: must be {forms}")
    return found
