"""Arrays of an .npz file, read whole or not at all."""

import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


class ArraysError(ValueError):
    """A file of arrays cannot be used; the message names it and what is wrong."""


def read_arrays(file: Path, names: Iterable[str]) -> dict[str, NDArray[Any]]:
    """The named arrays of a file.

    Raises:
        ArraysError: It is not a readable .npz, is cut off, or lacks an array.
    """
    wanted = set(names)
    found, held = _opened(file, wanted)
    if missing := sorted(wanted - set(found)):
        raise ArraysError(f"{file}: {', '.join(missing)}: missing; it holds {', '.join(held)}")
    return found


def read_optional(file: Path, name: str) -> NDArray[Any] | None:
    """An array that a file may lack.

    Raises:
        ArraysError: It is not a readable .npz, or is cut off.
    """
    return _opened(file, {name})[0].get(name)


def _opened(file: Path, wanted: set[str]) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """Those of the wanted arrays that are there, and the names of all that are."""
    try:
        # Opened here: numpy leaves the file of a torn archive open.
        with file.open("rb") as body, np.load(body, allow_pickle=False) as content:
            held = sorted(content.files)
            return {name: content[name] for name in sorted(wanted) if name in held}, held
    except (OSError, EOFError, ValueError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise ArraysError(f"{file}: not a readable .npz: {error}") from error
