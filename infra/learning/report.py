"""What trials over several seeds amount to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from infra.learning.trial import Trial, Worth
from producers.bootstrap import interval

BASELINE: Final = "random"
_RESAMPLES: Final = 10_000
_MEASURES: Final = ("accuracy", "mean_per_class", "hard")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over seeds with its 95 % bootstrap interval (Efron 1979).

    The seeds deal the same pictures anew, so the interval is somewhat too narrow for others.
    """

    mean: float
    low: float
    high: float


def estimate(values: NDArray[np.float64]) -> Estimate:
    """Of one value a seed."""
    low, high = interval(values, np.ones(len(values), np.int64), _RESAMPLES)
    return Estimate(float(values.mean()), low, high)


def summary(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """A row for each strategy: what its release is worth, over the first one and over chance."""
    names = list(trials[0].second)
    return [_row(trials, name, baseline=BASELINE in names) for name in names]


def _row(trials: Sequence[Trial], name: str, *, baseline: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"strategy": name}
    for measure in _MEASURES:
        value = _column([trial.second[name].worth for trial in trials], measure)
        first = _column([trial.first.worth for trial in trials], measure)
        row[measure] = round(float(value.mean()), 4)
        row[f"{measure}_gain"] = _told(estimate(value - first))
        if baseline:
            chance = _column([trial.second[BASELINE].worth for trial in trials], measure)
            row[f"{measure}_over_random"] = _told(estimate(value - chance))
            row[f"{measure}_ahead"] = int((value > chance).sum())
    return row


def _column(worths: Sequence[Worth], measure: str) -> NDArray[np.float64]:
    return np.array([getattr(worth, measure) for worth in worths])


def _told(found: Estimate) -> list[float]:
    return [round(found.mean, 4), round(found.low, 4), round(found.high, 4)]


def by_seed(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """A row for each release of each seed, with the digest of its file."""
    return [
        {
            "seed": trial.seed,
            "release": name,
            "labels": release.labels,
            "accuracy": round(release.worth.accuracy, 4),
            "mean_per_class": round(release.worth.mean_per_class, 4),
            "hard": round(release.worth.hard, 4),
            "digest": release.digest,
        }
        for trial in trials
        for name, release in (("release-1", trial.first), *trial.second.items())
    ]
