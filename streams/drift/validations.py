"""What is known of each release's own validation."""

from typing import Any, Final

from schemas.records import ModelRelease
from schemas.references import Reference, UnsoundReferenceError, from_metrics
from streams.drift.comparison import Bounds

NO_REFERENCE: Final = (
    "its proposal has no reference: it was made by hand, or before releases had one"
)


class Validations:
    """Bounds by release. A proposal precedes every answer of its release, so they never change."""

    def __init__(self) -> None:
        self._bounds: dict[str, Bounds] = {}
        self._faults: dict[str, str] = {}

    def observe(self, proposal: ModelRelease) -> None:
        """Take note of a valid proposal."""
        try:
            reference = from_metrics(proposal.metrics)
        except UnsoundReferenceError as error:
            self._faults[proposal.release_id] = str(error)
            return
        if reference is not None and proposal.release_id not in self._bounds:
            self._bounds[proposal.release_id] = Bounds.of(reference)

    def bounds(self, release_id: str) -> Bounds | None:
        """What answers are compared with; None: nothing."""
        return self._bounds.get(release_id)

    def why_not(self, release_id: str) -> str:
        """Why there is nothing to compare with."""
        return self._faults.get(release_id, NO_REFERENCE)

    def state(self, release_ids: set[str]) -> dict[str, Any]:
        """Validations of some releases as plain values: a fold is restored before logs are read."""
        return {
            name: [
                *(bounds.reference.encounters, bounds.reference.frames, bounds.reference.flips),
                *(bounds.reference.confidence, bounds.reference.classes, bounds.reference.spread),
            ]
            for name, bounds in self._bounds.items()
            if name in release_ids
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take the values of `state()`."""
        for name, (encounters, frames, flips, *counts) in state.items():
            confidence, classes, spread = (tuple(each) for each in counts)
            rows = tuple(tuple(row) for row in spread)
            reference = Reference(encounters, frames, flips, confidence, classes, rows)
            self._bounds.setdefault(name, Bounds.of(reference))
