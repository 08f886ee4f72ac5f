"""A file of recorded pictures, read and checked: arrays of frames and the names of the classes."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from producers.arrays import ArraysError, read_arrays
from producers.camera.camera import CameraError
from schemas.film_strips import SIZE, Pictures

CLASSES_FILE: Final = "classes.csv"
_COLUMNS: Final = ("class_id", "track", "frame")


@dataclass(frozen=True, slots=True)
class Track:
    """One sign approached once: rows of the pictures, far to near."""

    label: int
    name: str
    rows: NDArray[np.int64]

    def spread(self, frames: int) -> NDArray[np.int64]:
        """Rows of so many frames, evenly from far to near; a short track shows a frame twice."""
        steps = np.linspace(0, len(self.rows) - 1, frames).round().astype(np.int64)
        return self.rows[steps]


@dataclass(frozen=True, slots=True)
class Recording:
    """All pictures of a file, uint8 [n, 32, 32, 3], and its tracks ordered by class and number."""

    images: Pictures
    classes: tuple[str, ...]
    tracks: tuple[Track, ...]


def read_recording(path: Path) -> Recording:
    """Read an .npz file, or the only one in a folder, with the classes.csv that lies beside it.

    Arrays: images uint8 [n, 32, 32, 3] RGB; class_id, track (its number within the class) and
    frame (rising towards the sign), integers [n].

    Raises:
        CameraError: A file or an array is missing or not what it must be; the message names it.
    """
    file = _only_npz(path) if path.is_dir() else path
    names = _class_names(file.parent / CLASSES_FILE)
    try:
        arrays = read_arrays(file, ("images", *_COLUMNS))
    except ArraysError as error:
        raise CameraError(str(error)) from error
    images = arrays["images"]
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != (SIZE, SIZE, 3):
        raise CameraError(
            f"{file}: images: {images.dtype} {list(images.shape)}, must be uint8 [n, 32, 32, 3]"
        )
    if not len(images):
        raise CameraError(f"{file}: images: there are none; record some")
    for name in _COLUMNS:
        column = arrays[name]
        if column.shape != (len(images),) or not np.issubdtype(column.dtype, np.integer):
            raise CameraError(
                f"{file}: {name}: {column.dtype} {list(column.shape)}, "
                f"must be integers [{len(images)}], one for each picture"
            )
    return Recording(images, tuple(names.values()), _tracks(file, arrays, names))


def _only_npz(folder: Path) -> Path:
    found = sorted(folder.glob("*.npz"))
    if len(found) != 1:
        raise CameraError(f"{folder}: {len(found)} .npz files; name the one with the pictures")
    return found[0]


def _class_names(file: Path) -> dict[int, str]:
    """Names by class id, in the order of the ids."""
    try:
        with file.open(newline="", encoding="utf-8") as lines:
            rows = [(int(row["class_id"]), row["name"]) for row in csv.DictReader(lines)]
    except OSError as error:
        raise CameraError(f"{file}: {error.strerror}; it must lie beside the pictures") from error
    except (KeyError, TypeError, ValueError) as error:
        raise CameraError(
            f"{file}: needs the columns class_id (an integer) and name: {error!r}"
        ) from error
    names = dict(sorted(rows))
    if len(names) != len(rows) or len(set(names.values())) != len(rows) or not all(names.values()):
        raise CameraError(f"{file}: class_id and name must be there in each row, and distinct")
    return names


def _tracks(
    file: Path, arrays: dict[str, NDArray[Any]], names: dict[int, str]
) -> tuple[Track, ...]:
    class_ids = arrays["class_id"].astype(np.int64)
    if unknown := set(np.unique(class_ids).tolist()) - set(names):
        raise CameraError(f"{file}: class_id: {sorted(unknown)}: not in {CLASSES_FILE}")
    labels = np.searchsorted(list(names), class_ids)
    numbers = arrays["track"].astype(np.int64)
    order = np.lexsort((arrays["frame"], numbers, labels))
    starts = np.flatnonzero((np.diff(labels[order]) != 0) | (np.diff(numbers[order]) != 0)) + 1
    return tuple(
        Track(int(labels[rows[0]]), f"{class_ids[rows[0]]}/{numbers[rows[0]]}", rows)
        for rows in np.split(order, starts)
    )
