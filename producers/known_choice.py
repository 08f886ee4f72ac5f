"""Which held-back frames travel with a model as its known inputs. Pure."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from producers.camera.camera import HeldBack
from producers.model.runtime import Model
from schemas.known_inputs import KnownInputs

MOST: Final = 6
LEAST: Final = 2
"""Of fewer classes a model that always says the same would pass."""
MARGIN: Final = 0.3
"""Best minus second probability: rounding on other hardware moves no answer so far."""
_LOOKED_AT: Final = 512


def choose(model: bytes, held_back: HeldBack) -> KnownInputs | None:
    """One frame for each of a few classes, answered rightly and by the largest margin.

    Args:
        model: A model file.
        held_back: Frames it was not trained on; at most `_LOOKED_AT` of them are looked at.

    Returns:
        None: It answers too few classes so clearly.

    Raises:
        ModelError: The model file cannot be run.
    """
    count = len(held_back.frames)
    rows = np.unique(np.linspace(0, max(0, count - 1), min(count, _LOOKED_AT)).astype(np.int64))
    loaded = Model(model)
    prob = loaded.run(held_back.frames[rows]).prob
    truth = [held_back.classes[label] for label in held_back.labels[rows]]
    clearest = _clearest(prob, truth, loaded.classes)
    if len(clearest) < LEAST:
        return None
    names = sorted(clearest, key=lambda name: (-clearest[name][0], name))[:MOST]
    chosen = [rows[clearest[name][1]] for name in names]
    return KnownInputs(tuple(names), held_back.frames[chosen])


def _clearest(
    prob: NDArray[np.float32], truth: list[str], classes: tuple[str, ...]
) -> dict[str, tuple[float, int]]:
    """Margin and row of the clearest right answer, by class."""
    found: dict[str, tuple[float, int]] = {}
    for row, (said, name) in enumerate(zip(prob, truth, strict=True)):
        second, best = np.sort(said)[-2:] if len(said) > 1 else (0.0, said[0])
        margin = float(best - second)
        if classes[int(said.argmax())] != name or margin < MARGIN:
            continue
        if name not in found or margin > found[name][0]:
            found[name] = (margin, row)
    return found
