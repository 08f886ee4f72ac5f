"""What is known of each release's own validation."""

from typing import Any, Final

from schemas.records import ModelRelease
from schemas.references import Reference, UnsoundReferenceError, from_metrics, regions
from streams.drift.comparison import Bounds

NO_REFERENCE: Final = (
    "its proposal has no reference: it was made by hand, or before releases had one"
)


class Validations:
    """Bounds by release and region. A proposal precedes every answer of its release: no change.

    A region without a validation of its own is compared with all that was held back, named "".
    """

    def __init__(self) -> None:
        self._bounds: dict[str, dict[str, Bounds]] = {}
        self._faults: dict[str, str] = {}

    def observe(self, proposal: ModelRelease) -> None:
        """Take note of a valid proposal."""
        metrics = proposal.metrics
        try:
            found = {region: from_metrics(metrics, region) for region in ("", *regions(metrics))}
        except UnsoundReferenceError as error:
            self._faults[proposal.release_id] = str(error)
            return
        if proposal.release_id not in self._bounds and found[""] is not None:
            self._bounds[proposal.release_id] = {
                region: Bounds.of(reference)
                for region, reference in found.items()
                if reference is not None
            }

    def bounds(self, release_id: str, region: str) -> Bounds | None:
        """What answers are compared with; None: nothing."""
        held = self._bounds.get(release_id)
        return None if held is None else held.get(region, held[""])

    def why_not(self, release_id: str) -> str:
        """Why there is nothing to compare with."""
        return self._faults.get(release_id, NO_REFERENCE)

    def state(self, release_ids: set[str]) -> dict[str, Any]:
        """Validations of some releases as plain values: a fold is restored before logs are read."""
        return {
            name: {region: _state(bounds.reference) for region, bounds in held.items()}
            for name, held in self._bounds.items()
            if name in release_ids
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take the values of `state()`."""
        for name, held in state.items():
            made = {region: Bounds.of(_reference(each)) for region, each in held.items()}
            self._bounds.setdefault(name, made)


def _state(reference: Reference) -> list[Any]:
    return [
        *(reference.encounters, reference.frames, reference.flips),
        *(reference.confidence, reference.classes, reference.spread),
    ]


def _reference(state: list[Any]) -> Reference:
    encounters, frames, flips, *counts = state
    confidence, classes, spread = (tuple(each) for each in counts)
    rows = tuple(tuple(row) for row in spread)
    return Reference(encounters, frames, flips, confidence, classes, rows)
