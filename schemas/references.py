"""What a release answered on its own validation, as its proposal carries it among its metrics.

Telemetry has no labels: all that can be compared with the fleet is what devices report as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

CONFIDENCE_BINS: Final = 10
_PREFIX: Final = "reference/"


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
    """

    encounters: int
    frames: int
    flips: int
    confidence: tuple[int, ...]
    classes: tuple[int, ...]

    def __post_init__(self) -> None:
        sums = {self.frames, sum(self.confidence), sum(self.classes)}
        sound = len(sums) == 1 and 0 < self.encounters <= self.frames
        if not sound or len(self.confidence) != CONFIDENCE_BINS or min(self._counts) < 0:
            raise UnsoundReferenceError(
                f"reference of {self.encounters} encounters and {self.frames} frames: "
                f"{len(self.confidence)} bins of confidence hold {sum(self.confidence)} and "
                f"{len(self.classes)} classes {sum(self.classes)}; each must hold every frame"
            )

    @property
    def frames_per_encounter(self) -> float:
        """Frames of an encounter in the mean."""
        return self.frames / self.encounters

    @property
    def _counts(self) -> tuple[int, ...]:
        return (self.flips, *self.confidence, *self.classes)


def to_metrics(reference: Reference) -> dict[str, float]:
    """As metrics of a release: reference/encounters, reference/confidence/3, ..."""
    told = {"encounters": reference.encounters, "flips": reference.flips}
    told |= {f"confidence/{at}": count for at, count in enumerate(reference.confidence)}
    told |= {f"classes/{at}": count for at, count in enumerate(reference.classes)}
    return {f"{_PREFIX}{name}": float(count) for name, count in told.items()}


def from_metrics(metrics: Mapping[str, float]) -> Reference | None:
    """The reference among a release's metrics; None: it has none, as older releases.

    Raises:
        UnsoundReferenceError: It contradicts itself.
    """
    told = {
        name.removeprefix(_PREFIX): round(value)
        for name, value in metrics.items()
        if name.startswith(_PREFIX)
    }
    if not told:
        return None
    confidence, classes = _listed(told, "confidence/"), _listed(told, "classes/")
    return Reference(
        encounters=told.get("encounters", 0),
        frames=sum(confidence),
        flips=told.get("flips", -1),
        confidence=confidence,
        classes=classes,
    )


def _listed(told: Mapping[str, int], prefix: str) -> tuple[int, ...]:
    count = sum(name.startswith(prefix) for name in told)
    return tuple(told.get(f"{prefix}{at}", -1) for at in range(count))
