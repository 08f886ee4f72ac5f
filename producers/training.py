"""From a dataset manifest to a trained model with its card; nothing here knows the log."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from infra.objects import ObjectStore
from producers.camera.camera import HeldBack
from producers.evaluation import Accuracy, difference, evaluate, gains
from producers.known_choice import choose
from producers.model.apart import Proving, fit_apart
from producers.model.form import OPSET
from producers.offline_gate import pass_or_raise, slice_gains
from schemas.examples import Example, Split
from schemas.known_inputs import KnownInputs
from schemas.manifests import Manifest, classes_of, origin_of
from schemas.media import Frames
from schemas.references import to_metrics
from schemas.tasks import Task, task_of

MAX_FRAMES: Final = 40_000
"""Training holds up to 10 kB of features for each frame in memory."""


class DatasetError(ValueError):
    """A dataset that cannot be trained on; the message names what and why."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A model file and what is known about it.

    Attributes:
        metrics: Flat, as a release carries them: accuracy, low, high, calibration_error of the
            held-back frames (of the validation side when nothing is held back),
            slice/<name>/<value>, and what drift is compared with: reference/<name> and, of regions
            with enough encounters, reference@<region>/<name>.
        card: The model card: JSON with sorted keys and no time, so equal models have equal cards.
        known: Inputs that devices ask it for before it drives: see `producers.known_choice`.
    """

    model: bytes
    metrics: Mapping[str, float]
    card: bytes
    known: KnownInputs | None


@dataclass(frozen=True, slots=True)
class _Side:
    """Frames [n, ...] of some examples; labels, weights and groups [n]."""

    frames: Frames
    labels: NDArray[np.int64]
    weights: NDArray[np.float32]
    groups: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Parent:
    """The release that a new one would replace: its name and model file."""

    release_id: str
    model: bytes


def train(
    manifest: Manifest,
    objects: ObjectStore,
    seed: int,
    held_back: HeldBack | None = None,
    parent: Parent | None = None,
) -> Trained:
    """Train on the TRAIN side; the same manifest and seed give the same bytes on one machine.

    Args:
        manifest: Its metadata `classes` fixes the outputs, `task` the medium; `dataset_id` is
            noted in the model.
        objects: Holds the frames.
        seed: Of the initial weights, the order and the dropout.
        held_back: Measured for the card and by the offline gate; nothing is chosen by it.
        parent: Compared with on the held-back frames; None: nothing is.

    Raises:
        WorseError: The model is worse than its parent on a protected slice.
        DatasetError: No training examples, or more than MAX_FRAMES frames.
        ObjectMissingError, ObjectCorruptError, StripError: Frames are not as announced.
        TrainingError: Training failed.
    """
    classes, task = classes_of(manifest), task_of(manifest)
    dataset_id = manifest.metadata.get("dataset_id", "")
    examples = [example for example in manifest.examples if example.split is Split.TRAIN]
    side = _load(examples, objects, task, classes)
    if side is None:
        raise DatasetError(f"dataset {dataset_id}: 0 examples with split TRAIN; label some")

    validation = validation_side(manifest, objects)
    proving = None
    if validation is not None:
        proving = Proving(side.groups, validation.frames, validation.groups)

    def fitted(seed: int) -> bytes:
        data = (side.frames, side.labels, side.weights)
        return fit_apart(*data, classes, dataset_id, seed, proving)

    model = fitted(seed)
    against = _against(model, parent, held_back, lambda: fitted(seed + 1))
    measured = {
        "validation": evaluate(model, validation) if validation else None,
        "held_back": evaluate(model, held_back) if held_back else None,
    }
    card = {
        "format": "fleetloop.card/1",
        "dataset_id": dataset_id,
        "seed": seed,
        "model": {
            "digest": sha256(model).hexdigest(),
            "bytes": len(model),
            "opset": OPSET,
            "classes": list(classes),
        },
        "training": _about(examples, len(side.labels)),
        **{name: found and asdict(found) for name, found in measured.items()},
        "parent": against,
    }
    said = measured["held_back"] or measured["validation"]
    known = None if held_back is None else choose(model, held_back)
    return Trained(model, _metrics(said), _json(card), known)


def _against(
    model: bytes, parent: Parent | None, held_back: HeldBack | None, twin: Callable[[], bytes]
) -> dict[str, Any] | None:
    """The comparison with the parent, for the card."""
    if parent is None or held_back is None:
        return None
    gained = gains(model, parent.model, held_back)
    found = slice_gains(gained, held_back)
    pass_or_raise(
        parent.release_id,
        found,
        lambda: slice_gains(gains(twin(), parent.model, held_back), held_back),
    )
    return {
        "release_id": parent.release_id,
        "digest": sha256(parent.model).hexdigest(),
        "difference": asdict(difference(gained)),
        "slices": {name: asdict(gain) for name, gain in found.items()},
    }


def _load(
    examples: Sequence[Example], objects: ObjectStore, task: Task, classes: Sequence[str]
) -> _Side | None:
    index = {name: label for label, name in enumerate(classes)}
    strips: list[Frames] = []
    total = 0
    for example in examples:
        body = objects.get(example.frame_uri, digest=example.frame_digest)
        strips.append(task.medium.decode(body))
        total += len(strips[-1])
        if total > MAX_FRAMES:
            raise DatasetError(
                f"frames: more than {MAX_FRAMES} of {len(examples)} examples; "
                "cut the dataset smaller"
            )
    if not strips:
        return None
    sizes = [len(strip) for strip in strips]
    weights = np.array([example.weight for example in examples]).repeat(sizes)
    return _Side(
        np.concatenate(strips),
        np.array([index[example.label] for example in examples], np.int64).repeat(sizes),
        (weights / weights.mean()).astype(np.float32),
        np.arange(len(strips), dtype=np.int64).repeat(sizes),
    )


def validation_side(manifest: Manifest, objects: ObjectStore) -> HeldBack | None:
    """The frames of a dataset that validate; None: none do.

    Raises:
        DatasetError: More than MAX_FRAMES frames.
        ObjectMissingError, ObjectCorruptError, StripError: Frames are not as announced.
    """
    classes = classes_of(manifest)
    examples = [one for one in manifest.examples if one.split is Split.VALIDATION]
    side = _load(examples, objects, task_of(manifest), classes)
    if side is None:
        return None
    slices = tuple({"origin": origin_of(example)} for example in examples)
    return HeldBack(side.frames, side.labels, side.groups, classes, slices)


def _about(examples: Sequence[Example], pictures: int) -> dict[str, Any]:
    return {
        "examples": len(examples),
        "pictures": pictures,
        "by_origin": dict(sorted(Counter(origin_of(one) for one in examples).items())),
        "by_class": dict(sorted(Counter(one.label for one in examples).items())),
    }


def _metrics(found: Accuracy | None) -> dict[str, float]:
    if found is None:
        return {}
    slices = {f"slice/{name}": share for name, share in found.per_slice.items()}
    by_region = [to_metrics(counted, region) for region, counted in found.regions.items()]
    return {
        "accuracy": found.mean,
        "accuracy_low": found.low,
        "accuracy_high": found.high,
        "calibration_error": found.calibration_error,
        **slices,
        **to_metrics(found.reference),
        **{name: value for told in by_region for name, value in told.items()},
    }


def _json(card: Mapping[str, Any]) -> bytes:
    return json.dumps(card, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"
