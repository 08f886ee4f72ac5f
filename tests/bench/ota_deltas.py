"""What an update weighs on the way: patches between real models of the trainer."""

from dataclasses import replace
from typing import Any, Final

import numpy as np
import onnx
from onnx import numpy_helper

from producers.camera.rendered import RenderedCamera
from producers.model.bad_release import worsen
from producers.model.fronts import features, front_of
from producers.model.graph import sealed
from producers.model.head import Head, Recipe, learn
from producers.model.network import to_onnx
from producers.patches import patch, patched
from schemas.media import PICTURES
from tests.bench.figures import figure

SCENES: Final = 60
RECIPE: Final = Recipe(epochs=6)
CARD: Final = {"dataset_id": "line-2", "seed": "8", "model_card": "trained on more nights. " * 80}


def heads() -> tuple[Head, Head, tuple[str, ...]]:
    """Two heads, each learnt from scratch from its own drive, and their classes."""
    found: list[Head] = []
    classes: tuple[str, ...] = ()
    for seed in (7, 8):
        camera = RenderedCamera(seed, 3)
        drive = camera.seed(SCENES)
        pictures = np.concatenate([one.frames for one in drive])
        labels = np.repeat([one.label for one in drive], [len(one.frames) for one in drive])
        classes = tuple(camera.classes)
        weights = np.ones(len(labels), np.float32)
        inputs = features(pictures)
        found.append(learn(inputs, labels.astype(np.int64), weights, len(classes), seed, RECIPE))
    return found[0], found[1], classes


def delta_figures() -> dict[str, dict[str, Any]]:
    """Bytes of patches over the bytes that changed, and over the whole file."""
    first, second, classes = heads()
    front = front_of(PICTURES)
    model = to_onnx(first, front, classes, "line-1", 7)
    changed = {
        "last layer": replace(first, w2=second.w2, b2=second.b2),
        "first layer": replace(first, w1=second.w1, b1=second.b1),
    }
    made: dict[str, dict[str, Any]] = {
        "model file": figure(len(model) / 1e6, "MB", None),
        "patch for a new card, of the file": figure(
            100 * _weight(model, sealed(onnx.load_from_string(model), CARD)), "%", 2.0, at_most=True
        ),
    }
    for name, head in changed.items():
        new = to_onnx(head, front, classes, "line-2", 8)
        over = _weight(model, new) * len(new) / _changed(model, new)
        made[f"patch for another {name}, of the changed bytes"] = figure(
            over, "times", 1.1, at_most=True
        )
    worse = worsen(model)
    over = _weight(model, worse) * len(worse) / _changed(model, worse)
    made["patch for two layers more, of the added bytes"] = figure(over, "times", 1.1, at_most=True)
    scratch = 100 * _weight(model, to_onnx(second, front, classes, "line-2", 8))
    made["patch for a head learnt from scratch, of the file"] = figure(scratch, "%", None)
    return made


def _weight(old: bytes, new: bytes) -> float:
    """Bytes of the patch over those of the new file, after it was seen to lead there."""
    body = patch(old, new)
    if body is None:
        return 1.0
    if b"".join(patched([body], old, len(new))) != new:
        raise AssertionError("a patch does not lead to its file")
    return len(body) / len(new)


def _changed(old: bytes, new: bytes) -> int:
    """Bytes of all weights that the old file does not have."""
    known = {array.tobytes() for array in _weights(old)}
    return sum(array.nbytes for array in _weights(new) if array.tobytes() not in known)


def _weights(model: bytes) -> list[np.ndarray[Any, Any]]:
    return _of(onnx.load_from_string(model).graph)


def _of(graph: onnx.GraphProto) -> list[np.ndarray[Any, Any]]:
    """Those of branches too."""
    found = [numpy_helper.to_array(one) for one in graph.initializer]
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                found += _of(attribute.g)
    return found
