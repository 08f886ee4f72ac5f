"""What a release answered on its own validation, as its proposal carries it among its metrics.

Telemetry has no labels: all that can be compared with the fleet is what devices report as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import numpy as np
import numpy.typing as npt

CONFIDENCE_BINS: Final = 10
SPREAD_PARTS: Final = 6
_NAME: Final = "reference"
_ROUNDING: Final = 1e-6

Ints = npt.NDArray[np.int64]


class UnsoundReferenceError(ValueError):
    """A reference contradicts itself; the message names the numbers."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Answers to validation pictures, counted as a reporting window counts them.

    Attributes:
        encounters: What the frames belong to: frames of one encounter are much alike.
        frames: Answers in all.
        flips: How often the best class changed inside an encounter.
        confidence: int [10], frames by top-1 confidence. classes: int [c], by top-1 class.
        spread: How alike the frames of an encounter are, [10][7]: of answers less sure than 0.1,
            ... 0.9 and of flips, the encounters that have 0/6, 1/6, ... 6/6 of their frames so; one
            in between counts to both in parts. Empty: not known, or encounters of unlike lengths.
    """

    encounters: int
    frames: int
    flips: int
    confidence: tuple[int, ...]
    classes: tuple[int, ...]
    spread: tuple[tuple[float, ...], ...] = ()

    def __post_init__(self) -> None:
        sums = {self.frames, sum(self.confidence), sum(self.classes)}
        sound = len(sums) == 1 and 0 < self.encounters <= self.frames
        if not sound or len(self.confidence) != CONFIDENCE_BINS or min(self._counts) < 0:
            raise UnsoundReferenceError(
                f"reference of {self.encounters} encounters and {self.frames} frames: "
                f"{len(self.confidence)} bins of confidence hold {sum(self.confidence)} and "
                f"{len(self.classes)} classes {sum(self.classes)}; each must hold every frame"
            )
        if self.spread and not self._spread_fits():
            raise UnsoundReferenceError(
                f"reference of {self.encounters} encounters: its spread must hold each of them in "
                f"{CONFIDENCE_BINS} rows of {SPREAD_PARTS + 1}"
            )

    @classmethod
    def of(cls, confidence: Ints, classes: Ints, flips: Ints) -> "Reference":
        """Of answers counted by encounter: int64 [n, 10], [n, c] and [n]."""
        sizes = confidence.sum(axis=1)
        alike = bool((sizes == sizes[0]).all())
        below = np.cumsum(confidence, axis=1)[:, :-1]
        shares = np.column_stack((below, flips)) / sizes[:, None]
        return cls(
            encounters=len(sizes),
            frames=int(sizes.sum()),
            flips=int(flips.sum()),
            confidence=tuple(confidence.sum(axis=0).tolist()),
            classes=tuple(classes.sum(axis=0).tolist()),
            spread=tuple(_spread(share) for share in shares.T) if alike else (),
        )

    @property
    def frames_per_encounter(self) -> float:
        """Frames of an encounter in the mean."""
        return self.frames / self.encounters

    @property
    def _counts(self) -> tuple[int, ...]:
        return (self.flips, *self.confidence, *self.classes)

    def _spread_fits(self) -> bool:
        rows = [row for row in self.spread if len(row) == SPREAD_PARTS + 1 and min(row) >= 0]
        held = all(abs(sum(row) - self.encounters) < _ROUNDING * self.encounters for row in rows)
        return held and len(rows) == len(self.spread) == CONFIDENCE_BINS


def to_metrics(reference: Reference, region: str = "") -> dict[str, float]:
    """As metrics of a release: reference/encounters, reference/confidence/3, ...

    Args:
        reference: What was counted.
        region: Where; of one region it is reference@city/encounters, ...
    """
    told: dict[str, float] = {"encounters": reference.encounters, "flips": reference.flips}
    told |= {f"confidence/{at}": count for at, count in enumerate(reference.confidence)}
    told |= {f"classes/{at}": count for at, count in enumerate(reference.classes)}
    spread = chain.from_iterable(reference.spread)
    told |= {f"spread/{at}": count for at, count in enumerate(spread)}
    return {f"{_prefix(region)}{name}": float(count) for name, count in told.items()}


def regions(metrics: Mapping[str, float]) -> set[str]:
    """Regions of which a release's metrics have a reference of their own."""
    names = {name.partition("/")[0] for name in metrics}
    start = f"{_NAME}@"
    return {name.removeprefix(start) for name in names if name.startswith(start)}


def from_metrics(metrics: Mapping[str, float], region: str = "") -> Reference | None:
    """The reference among a release's metrics; None: it has none, as older releases.

    Args:
        metrics: Of the release.
        region: Of which region; else of all that was held back.

    Raises:
        UnsoundReferenceError: It contradicts itself.
    """
    prefix = _prefix(region)
    told = {
        name.removeprefix(prefix): value
        for name, value in metrics.items()
        if name.startswith(prefix)
    }
    if not told:
        return None
    confidence, classes = _listed(told, "confidence/"), _listed(told, "classes/")
    spread, width = _listed(told, "spread/"), SPREAD_PARTS + 1
    return Reference(
        encounters=round(told.get("encounters", 0)),
        frames=sum(map(round, confidence)),
        flips=round(told.get("flips", -1)),
        confidence=tuple(map(round, confidence)),
        classes=tuple(map(round, classes)),
        spread=tuple(spread[at : at + width] for at in range(0, len(spread), width)),
    )


def _prefix(region: str) -> str:
    return f"{_NAME}@{region}/" if region else f"{_NAME}/"


def _listed(told: Mapping[str, float], prefix: str) -> tuple[float, ...]:
    count = sum(name.startswith(prefix) for name in told)
    return tuple(told.get(f"{prefix}{at}", -1.0) for at in range(count))


def _spread(shares: npt.NDArray[Any]) -> tuple[float, ...]:
    """Shares in [0, 1], [n], parted between the two nearest of 0/6, 1/6, ... 6/6."""
    places = shares * SPREAD_PARTS
    lower = np.minimum(places.astype(np.int64), SPREAD_PARTS - 1)
    beyond = places - lower
    counts = np.bincount(lower, 1 - beyond, SPREAD_PARTS + 1)
    counts[1:] += np.bincount(lower, beyond, SPREAD_PARTS)
    return tuple(counts.tolist())
