"""A model file on a file of labelled pictures or sounds: how often it is right, by class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from producers.arrays import ArraysError, read_arrays, read_optional
from producers.camera.camera import HeldBack
from producers.model.runtime import Model
from schemas.media import PICTURES, SOUND, Frames, Medium, medium_of


class PicturesError(ValueError):
    """A file of labelled frames cannot be used; the message names file, array and rule."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """Labelled frames.

    Attributes:
        frames: [n, ...] of one medium.
        labels: [n]: names of classes, or integers: indexes into the model's classes.
        weight: float64 [n], at least 0, not all 0.
        encounters: int64 [n], which frames belong together, from 0 on; without it each is alone.
    """

    frames: Frames
    labels: NDArray[Any]
    weight: NDArray[np.float64]
    encounters: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Score:
    """What a model made of labelled pictures; shares are weighted.

    Attributes:
        accuracy: Share named rightly.
        mean_per_class: Mean of `per_class`, each class alike.
        per_class: Share by class name, of the classes that have a picture of weight above 0.
        unknown: Pictures of a class that the model does not have; they count as wrong.
    """

    pictures: int
    unknown: int
    accuracy: float
    mean_per_class: float
    per_class: Mapping[str, float]


def read_labelled(path: Path) -> Labelled:
    """Read an .npz with frames, labels and, if it likes, weight and encounters.

    Frames are the array images, uint8 [n, 32, 32, 3] RGB, or sounds, int16 [n, 5120] at 8 kHz.

    Raises:
        PicturesError: An array is missing or not what it must be.
    """
    try:
        medium = SOUND if read_optional(path, _array(SOUND)) is not None else PICTURES
        arrays = read_arrays(path, (_array(medium), "labels"))
        weight = read_optional(path, "weight")
        encounters = read_optional(path, "encounters")
    except ArraysError as error:
        raise PicturesError(str(error)) from error
    name = _array(medium)
    frames, labels = arrays[name], arrays["labels"]
    if not medium.fits(frames):
        raise PicturesError(
            f"{path}: {name}: {frames.dtype} {list(frames.shape)}, must be {medium.form}"
        )
    if not len(frames):
        raise PicturesError(f"{path}: {name}: there are none")
    if labels.shape != (len(frames),) or labels.dtype.kind not in "iuU":
        raise PicturesError(
            f"{path}: labels: {labels.dtype} {list(labels.shape)}, must be one integer or name "
            f"for each of {len(frames)} {name}"
        )
    return Labelled(
        frames,
        labels,
        _weight(path, weight, len(frames)),
        _encounters(path, encounters, labels),
    )


def write_labelled(path: Path, test: HeldBack, names: NDArray[Any]) -> None:
    """Write a file that `read_labelled` reads: frames, names of their classes, encounters."""
    frames = {_array(medium_of(test.frames)): test.frames}
    np.savez_compressed(path, labels=names, encounters=test.groups, **frames)  # type: ignore[arg-type] # numpy's flag is no array


def _array(medium: Medium) -> str:
    return f"{medium.input}s"


def held_back(labelled: Labelled, classes: Sequence[str]) -> HeldBack:
    """The pictures as models are compared on; each counts alike, whatever its weight.

    Args:
        labelled: Pictures with their labels.
        classes: What integer labels mean: the classes of a model.

    Raises:
        PicturesError: An integer label is outside the classes.
    """
    meant = _names(labelled.labels, tuple(classes))
    names = sorted({str(name) for name in meant})
    index = {name: label for label, name in enumerate(names)}
    labels = np.array([index[str(name)] for name in meant], np.int64)
    slices: tuple[dict[str, str], ...] = tuple({} for _ in np.unique(labelled.encounters))
    return HeldBack(labelled.frames, labels, labelled.encounters, tuple(names), slices)


def score(model: bytes, labelled: Labelled) -> Score:
    """Run a model on all pictures.

    Raises:
        ModelError: The model file cannot be run.
        PicturesError: An integer label is outside the model's classes.
    """
    loaded = Model(model)
    meant = _names(labelled.labels, loaded.classes)
    said = np.array(loaded.classes)[loaded.run(labelled.frames).prob.argmax(1)]
    right, weight = (said == meant).astype(np.float64), labelled.weight
    per_class = {
        str(name): float(np.average(right[meant == name], weights=weight[meant == name]))
        for name in np.unique(meant)
        if weight[meant == name].sum() > 0
    }
    return Score(
        pictures=len(meant),
        unknown=int((~np.isin(meant, loaded.classes)).sum()),
        accuracy=float(np.average(right, weights=weight)),
        mean_per_class=float(np.mean(list(per_class.values()))),
        per_class=per_class,
    )


def _names(labels: NDArray[Any], classes: tuple[str, ...]) -> NDArray[Any]:
    if labels.dtype.kind == "U":
        return labels
    outside = (labels < 0) | (labels >= len(classes))
    if outside.any():
        first = int(np.flatnonzero(outside)[0])
        raise PicturesError(
            f"labels[{first}] = {labels[first]}: the model has classes 0 to {len(classes) - 1}; "
            "label by names where they are not the model's"
        )
    names: NDArray[np.str_] = np.array(classes)[labels]
    return names


def _encounters(path: Path, found: NDArray[Any] | None, labels: NDArray[Any]) -> NDArray[np.int64]:
    """Numbered from 0 in the order of the given values, whatever these are."""
    if found is None:
        return np.arange(len(labels))
    if found.shape != labels.shape or found.dtype.kind not in "iuU":
        raise PicturesError(
            f"{path}: encounters: {found.dtype} {list(found.shape)}, must be one integer or name "
            f"for each of {len(labels)} pictures"
        )
    names, first, numbers = np.unique(found, return_index=True, return_inverse=True)
    mixed = np.flatnonzero(labels != labels[first][numbers])
    if len(mixed):
        raise PicturesError(
            f"{path}: encounter {names[numbers[mixed[0]]]}: pictures of several labels; an "
            "encounter is of one sign"
        )
    return numbers.astype(np.int64)


def _weight(path: Path, found: NDArray[Any] | None, count: int) -> NDArray[np.float64]:
    if found is None:
        return np.ones(count)
    sound = found.shape == (count,) and found.dtype.kind in "iuf"
    if not sound or not np.isfinite(found).all() or (found < 0).any() or not found.any():
        raise PicturesError(
            f"{path}: weight: {found.dtype} {list(found.shape)}, must be {count} numbers of at "
            "least 0, one of them above"
        )
    return found.astype(np.float64)
