"""How good a model is on pictures held back, with intervals that respect encounters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from producers.bootstrap import interval
from producers.camera.camera import HeldBack
from producers.model.runtime import Answers, Model
from schemas.references import CONFIDENCE_BINS, Reference

RESAMPLES: Final = 2000
REGION_ENCOUNTERS: Final = 100
"""A region with so many has a reference of its own."""
BINS: Final = 10
"""Bins of confidence, of equal width, over which the calibration error is taken."""


_REGION: Final = "region/"


class EvaluationError(ValueError):
    """The held-back set cannot say anything; the message says why."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Accuracy of the new model minus that of the old on the same pictures; 95 % interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Gains:
    """Pictures that one model names rightly and another does not, minus the reverse.

    Attributes:
        sums: float64 [encounters]. sizes: int64 [encounters], pictures.
    """

    sums: NDArray[np.float64]
    sizes: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Share of pictures named rightly, with a 95 % bootstrap interval by encounter.

    Attributes:
        per_class: Share by class, only classes that were held back.
        per_slice: Share by slice name and value, for example light/NIGHT.
        calibration_error: Mean gap between confidence and accuracy over BINS bins of confidence,
            weighted by pictures (Naeini, Cooper, Hauskrecht 2015).
        pictures, encounters: What it rests on.
        reference: The same answers as devices would report them, which have no labels.
        regions: The same of each region that has enough encounters.
    """

    mean: float
    low: float
    high: float
    per_class: Mapping[str, float]
    per_slice: Mapping[str, float]
    calibration_error: float
    pictures: int
    encounters: int
    reference: Reference
    regions: Mapping[str, Reference]


def evaluate(model: bytes, held_back: HeldBack) -> Accuracy:
    """Measure a model file.

    Raises:
        EvaluationError: Nothing is held back, or the set does not fit together.
        ModelError: The model file cannot be run.
    """
    _check(held_back)
    answers, right = _right(model, held_back)
    hits, sizes = _by_encounter(right, held_back)
    low, high = interval(hits, sizes, RESAMPLES)
    counted = _counted(answers, held_back.groups)
    return Accuracy(
        mean=float(right.mean()),
        low=low,
        high=high,
        per_class={
            name: float(right[held_back.labels == label].mean())
            for label, name in enumerate(held_back.classes)
            if (held_back.labels == label).any()
        },
        per_slice=_per_slice(hits, sizes, held_back),
        calibration_error=_calibration_error(answers, right),
        pictures=len(right),
        encounters=len(sizes),
        reference=Reference.of(*counted),
        regions={
            name.removeprefix(_REGION): Reference.of(*(counts[rows] for counts in counted))
            for name, rows in encounters_by_slice(held_back.slices).items()
            if name.startswith(_REGION) and len(rows) >= REGION_ENCOUNTERS
        },
    )


def compare(new: bytes, old: bytes, held_back: HeldBack) -> Difference:
    """Measure two model files on the same pictures. Raises as `gains`."""
    return difference(gains(new, old, held_back))


def difference(found: Gains) -> Difference:
    """The mean gain; encounters are resampled in pairs."""
    mean = float(found.sums.sum() / found.sizes.sum())
    return Difference(mean, *interval(found.sums, found.sizes, RESAMPLES))


def gains(new: bytes, old: bytes, held_back: HeldBack) -> Gains:
    """What the new model names rightly more than the old, encounter by encounter.

    Raises:
        EvaluationError: Nothing is held back, or the set does not fit together.
        ModelError: A model file cannot be run.
    """
    _check(held_back)
    gain = _right(new, held_back)[1].astype(np.float64) - _right(old, held_back)[1]
    return Gains(*_by_encounter(gain, held_back))


def encounters_by_slice(slices: Sequence[Mapping[str, str]]) -> dict[str, list[int]]:
    """Encounters of each slice, by <name>/<value>."""
    members: dict[str, list[int]] = {}
    for encounter, named in enumerate(slices):
        for name, value in named.items():
            members.setdefault(f"{name}/{value}", []).append(encounter)
    return members


def classes_and_slices(held_back: HeldBack) -> dict[str, NDArray[np.int64]]:
    """Encounters of each slice, a class being one: all pictures of an encounter show one sign."""
    first = np.unique(held_back.groups, return_index=True)[1]
    labels = held_back.labels[first]
    named = [
        {**slices, "class": held_back.classes[int(label)]}
        for slices, label in zip(held_back.slices, labels, strict=True)
    ]
    return {name: np.array(rows) for name, rows in encounters_by_slice(named).items()}


def _check(held_back: HeldBack) -> None:
    counts = {len(held_back.frames), len(held_back.labels), len(held_back.groups)}
    if counts == {0} or len(counts) != 1:
        raise EvaluationError(
            f"held back: {len(held_back.frames)} frames, {len(held_back.labels)} labels, "
            f"{len(held_back.groups)} groups; there must be as many of each, at least 1"
        )
    found = len(np.unique(held_back.groups))
    if not found == held_back.groups.max() + 1 == len(held_back.slices):
        raise EvaluationError(
            f"held back: {found} encounters, highest group {held_back.groups.max()}, "
            f"{len(held_back.slices)} slices; groups must run from 0 and have a slice each"
        )


def _right(model: bytes, held_back: HeldBack) -> tuple[Answers, NDArray[np.bool_]]:
    """Answers and whether each is right; classes are matched by name, not by index."""
    loaded = Model(model)
    index = {name: label for label, name in enumerate(held_back.classes)}
    meant = np.array([index.get(name, -1) for name in loaded.classes], np.int64)
    answers = loaded.run(held_back.frames)
    return answers, meant[answers.prob.argmax(1)] == held_back.labels


def _by_encounter(
    values: NDArray[np.bool_] | NDArray[np.float64], held_back: HeldBack
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    sums = np.bincount(held_back.groups, weights=values)
    return sums.astype(np.float64), np.bincount(held_back.groups).astype(np.int64)


def _per_slice(
    hits: NDArray[np.float64], sizes: NDArray[np.int64], held_back: HeldBack
) -> dict[str, float]:
    members = encounters_by_slice(held_back.slices)
    return {
        name: float(hits[rows].sum() / sizes[rows].sum()) for name, rows in sorted(members.items())
    }


def _counted(
    answers: Answers, groups: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Confidence, classes and flips of each group, as `Reference.of` takes them.

    Frames of a group are in their order.
    """
    top1 = answers.prob.argmax(1)
    bins = np.minimum((answers.prob.max(1) * CONFIDENCE_BINS).astype(int), CONFIDENCE_BINS - 1)
    flips = (np.diff(top1) != 0) & (np.diff(groups) == 0)
    return (
        _by_group(bins, groups, CONFIDENCE_BINS),
        _by_group(top1, groups, answers.prob.shape[1]),
        np.bincount(groups[1:], weights=flips, minlength=int(groups.max()) + 1).astype(np.int64),
    )


def _by_group(values: NDArray[np.int64], groups: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """How often each group has each value below `size`, int64 [groups, size]."""
    shape = (int(groups.max()) + 1, size)
    return np.bincount(groups * size + values, minlength=shape[0] * size).reshape(shape)


def _calibration_error(answers: Answers, right: NDArray[np.bool_]) -> float:
    confidence = answers.prob.max(1).astype(np.float64)
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    gaps = np.bincount(bins, weights=confidence - right, minlength=BINS)
    return float(np.abs(gaps).sum() / len(right))
