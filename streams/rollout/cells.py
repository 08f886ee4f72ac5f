"""The counts that one partition hands on: cumulative, by release and stratum."""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

MAX_CELLS: Final = 10_000
"""Releases times strata that one partition counts."""

CellKey: TypeAlias = tuple[str, str]
"""(release_id, stratum)."""


class CellLimitError(RuntimeError):
    """More releases and strata than a fold may count; the message names the limit."""


@dataclass(slots=True, kw_only=True)
class CellCounts:
    """Running counts of one release in one stratum of one partition.

    In cells of ota-acks the device counts are those of `AttemptCounts`. In cells of
    inference-events `accepted` counts the devices judged by latency, `committed` those that
    passed so far and `failed` those that did not. Those of a release in shadow stand apart in
    `shadow_devices` and `shadow_failed`, its encounters and how many of them it saw otherwise in
    `shadow_slices`, by class and by region.
    """

    offered: int = 0
    accepted: int = 0
    committed: int = 0
    failed: int = 0
    silent: int = 0
    deferred: int = 0
    critical: int = 0
    rolled_back: int = 0
    exposure_m: float = 0.0
    events: int = 0
    windows_judged: int = 0
    windows_over: int = 0
    shadow_devices: int = 0
    shadow_failed: int = 0
    shadow_slices: dict[str, tuple[int, int]] = field(default_factory=dict)


_NOTHING: Final = CellCounts()


class Cells:
    """Cells by (release, stratum), and which of them changed since they were last handed on."""

    def __init__(self) -> None:
        self._cells: dict[CellKey, CellCounts] = {}
        self._changed: set[CellKey] = set()

    def touch(self, key: CellKey) -> CellCounts:
        """The cell to write to; it counts as changed.

        Raises:
            CellLimitError: It would be one more than MAX_CELLS.
        """
        cell = self._cells.get(key)
        if cell is None:
            if len(self._cells) >= MAX_CELLS:
                raise CellLimitError(
                    f"rollout: release {key[0]} in {key[1]} is one more than MAX_CELLS={MAX_CELLS} "
                    "cells of one partition; retire old releases' logs"
                )
            cell = self._cells[key] = CellCounts()
        self._changed.add(key)
        return cell

    def put(self, key: CellKey, counts: Mapping[str, int]) -> None:
        """Write some counts of a cell; it counts as changed only if one of them differs.

        Raises:
            CellLimitError: It would be one more than MAX_CELLS.
        """
        held = self._cells.get(key, _NOTHING)
        if any(getattr(held, name) != value for name, value in counts.items()):
            cell = self.touch(key)
            for name, value in counts.items():
                setattr(cell, name, value)

    def changed(self) -> Iterator[tuple[CellKey, CellCounts]]:
        """The cells that changed since the last call, in a fixed order."""
        due, self._changed = sorted(self._changed), set()
        for key in due:
            yield key, self._cells[key]

    def state(self) -> list[Any]:
        """State as JSON values."""
        return [[*key, dataclasses.asdict(cell)] for key, cell in sorted(self._cells.items())]

    @classmethod
    def from_state(cls, state: list[Any]) -> "Cells":
        """The cells that `state` described, all of them counted as changed."""
        cells = cls()
        for release_id, stratum, counts in state:
            cell = cells._cells[release_id, stratum] = CellCounts(**counts)
            cell.shadow_slices = {name: (n, bad) for name, (n, bad) in cell.shadow_slices.items()}
        cells._changed = set(cells._cells)
        return cells

    @property
    def counts(self) -> Mapping[CellKey, CellCounts]:
        """Every cell."""
        return self._cells
