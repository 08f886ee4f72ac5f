"""Two model files side by side on the same labelled pictures."""

from collections.abc import Mapping
from dataclasses import dataclass

from producers.bootstrap import interval
from producers.camera.camera import HeldBack
from producers.evaluation import (
    BINS,
    RESAMPLES,
    Accuracy,
    Difference,
    classes_and_slices,
    difference,
    evaluate,
    gains,
)


@dataclass(frozen=True, slots=True)
class Share:
    """One class or slice: shares of pictures named rightly, and newer minus older.

    Attributes:
        low: Lower end of the difference's 95 % interval by encounter, not corrected for the
            number of classes and slices.
        high: Upper end.
    """

    encounters: int
    older: float
    newer: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two models made of the same pictures.

    Attributes:
        parts: By class/<name> and <slice>/<value>.
        calibration_bins: Bins of confidence of both calibration errors, of equal width.
    """

    older: Accuracy
    newer: Accuracy
    difference: Difference
    parts: Mapping[str, Share]
    calibration_bins: int = BINS


def compared(older: bytes, newer: bytes, held_back: HeldBack) -> Comparison:
    """Run both models on all pictures.

    Raises:
        EvaluationError: The set does not fit together.
        ModelError: A model file cannot be run.
    """
    before, after = evaluate(older, held_back), evaluate(newer, held_back)
    gained = gains(newer, older, held_back)
    shares = [
        {**{f"class/{name}": share for name, share in each.per_class.items()}, **each.per_slice}
        for each in (before, after)
    ]
    parts = {}
    for name, rows in sorted(classes_and_slices(held_back).items()):
        sums, sizes = gained.sums[rows], gained.sizes[rows]
        low, high = interval(sums, sizes, RESAMPLES)
        parts[name] = Share(
            encounters=len(rows),
            older=shares[0][name],
            newer=shares[1][name],
            difference=float(sums.sum() / sizes.sum()),
            low=low,
            high=high,
        )
    return Comparison(before, after, difference(gained), parts)
