"""The shares that are compared: of sure answers, of changes of mind, of each class."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from schemas.references import CONFIDENCE_BINS

EDGES: Final = CONFIDENCE_BINS - 1
FLIPS: Final = EDGES
FIRST_CLASS: Final = EDGES + 1
CONFIDENCE_WEIGHT: Final = 0.5
FLIPS_WEIGHT: Final = 0.25
"""What the classes leave: a change of weather shows in confidence first, a new sign in a class."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Counts = Sequence[int] | Ints


def hits(confidence: Counts, classes: Counts, flips: int) -> Ints:
    """Frames that each score counts, int64 [9 + 1 + c].

    Frames less sure than 0.1, 0.2, ... 0.9; flips; frames of each class.
    """
    below = np.cumsum(np.asarray(confidence, np.int64))[:EDGES]
    return np.concatenate((below, [flips], np.asarray(classes, np.int64)))


def weights(classes: int) -> Floats:
    """What each score may spend of the false alarms, float64 [9 + 1 + c], sum 1."""
    of_class = (1.0 - CONFIDENCE_WEIGHT - FLIPS_WEIGHT) / classes
    return np.array(
        [CONFIDENCE_WEIGHT / EDGES] * EDGES + [FLIPS_WEIGHT] + [of_class] * classes, np.float64
    )


def spell(score: int) -> str:
    """A score in words."""
    if score < EDGES:
        return f"answers less sure than {(score + 1) / CONFIDENCE_BINS:.1f}"
    return "changes of mind" if score == FLIPS else f"answers of class {score - FIRST_CLASS}"
