"""What a person looks at or listens to: the frames of an encounter, as files."""

import io
from pathlib import Path
from typing import Final

from PIL import Image

from infra.objects import ObjectStore
from schemas.film_strips import SIZE, from_png
from schemas.media import PICTURES

_TIMES: Final = 8
"""A frame of 32 pixels is shown so many times as large: pixels stay pixels."""


def encounter(objects: ObjectStore, uri: str) -> bytes:
    """The frames of an encounter as one object: a film strip or a sound.

    Raises:
        ObjectMissingError: It is not there, for example because its device was erased.
    """
    return objects.get(uri)


def write(body: bytes, uri: str, folder: Path, name: str) -> list[Path]:
    """Write an encounter's file, and of a film strip each frame, enlarged; what was written.

    Raises:
        StripError: What is said to be a film strip is none.
        OSError: The folder cannot be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    whole = folder / f"{name}{Path(uri).suffix}"
    whole.write_bytes(body)
    if whole.suffix != PICTURES.suffix:
        return [whole]
    written = [whole]
    for number, frame in enumerate(from_png(body), start=1):
        path = folder / f"{name}-{number}.png"
        large = Image.fromarray(frame).resize((SIZE * _TIMES,) * 2, Image.Resampling.NEAREST)
        file = io.BytesIO()
        large.save(file, format="PNG")
        path.write_bytes(file.getvalue())
        written.append(path)
    return written
