"""The offline gate: a model that is worse than its parent on a protected slice is not proposed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from producers.bootstrap import resampled
from producers.camera.camera import HeldBack
from producers.evaluation import Gains, classes_and_slices

ALPHA: Final = 0.05
"""Chance that a model that loses no more than TOLERATED is stopped, before the second seed."""
TOLERATED: Final = 0.05
"""A retrain on more data trades a few pictures of one class for more of others; so much may go."""
MIN_ENCOUNTERS: Final = 30
"""A slice with fewer encounters says nothing and protects nobody."""
_RESAMPLES: Final = 10_000


class WorseError(ValueError):
    """A model is worse than its parent on a protected slice; the message names slice and loss."""


@dataclass(frozen=True, slots=True)
class SliceGain:
    """Accuracy of the new model minus the parent's on one slice.

    Attributes:
        upper: Bound from above at level 1 - ALPHA / slices (Bonferroni), by bootstrap over
            encounters.
    """

    encounters: int
    mean: float
    upper: float

    @property
    def worse(self) -> bool:
        """Whether more is lost than is tolerated, and chance does not explain it."""
        return self.upper < -TOLERATED


def slice_gains(found: Gains, held_back: HeldBack) -> dict[str, SliceGain]:
    """Of every protected slice: each value of each slice name, and each class."""
    protected = {
        name: rows
        for name, rows in classes_and_slices(held_back).items()
        if len(rows) >= MIN_ENCOUNTERS
    }
    level = 100.0 * ALPHA / max(1, len(protected))
    return {name: _gain(found, rows, 100.0 - level) for name, rows in sorted(protected.items())}


def pass_or_raise(
    parent: str,
    found: Mapping[str, SliceGain],
    again: Callable[[], Mapping[str, SliceGain]],
) -> None:
    """Let a model pass unless it is worse on a slice, and its reseeded twin as well.

    The null is a retrain on the same data with another seed, which is never quite the same model:
    what only one of the two loses is luck of the seed, what both lose lies in the data.

    Args:
        parent: Name of the parent, for the message.
        found: The model's gains.
        again: Trains and measures the twin; called only when the model is worse somewhere.

    Raises:
        WorseError: Both are worse on the same slice.
    """
    worse = [name for name, gain in found.items() if gain.worse]
    if not worse:
        return
    twin = again()
    lost = [name for name in worse if twin[name].worse]
    if lost:
        told = ", ".join(
            f"{name} by {-found[name].mean:.3f} (twin {-twin[name].mean:.3f}, "
            f"{found[name].encounters} encounters)"
            for name in lost
        )
        raise WorseError(f"worse than {parent} on {told}; label more of these and train again")


def _gain(found: Gains, rows: NDArray[np.int64], percentile: float) -> SliceGain:
    sums, sizes = found.sums[rows], found.sizes[rows]
    means = resampled(sums, sizes, _RESAMPLES)
    return SliceGain(
        encounters=len(rows),
        mean=float(sums.sum() / sizes.sum()),
        upper=float(np.percentile(means, percentile)),
    )
