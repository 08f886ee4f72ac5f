"""Stage one's count of shadows: encounters two models saw, by class and region, and latency."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.cohorts import membership
from streams.rollout.cells import CellCounts, CellKey, Cells
from streams.rollout.policy import Policy
from streams.rollout.streaks import Streaks

_COLUMNS: Final = (
    "shadow_release_id",
    "hardware",
    "region",
    "device_id",
    "shadow_encounters",
    "shadow_differing",
    "shadow_judged",
    "shadow_late",
)


class ShadowOpening(NamedTuple):
    """A shadow as it was begun in a stratum.

    Attributes:
        stamp_us: Broker's stamp of the decision.
        salt: Of the release's cohorts.
        share: Share of the stratum that runs it: who is below it.
    """

    stamp_us: int
    salt: str
    share: float


Shadows: TypeAlias = Callable[[str, str], ShadowOpening | None]
"""The shadow of a release in a stratum, once it was begun."""


class _Report(NamedTuple):
    release_id: str
    stratum: str
    region: str
    device_id: str
    encounters: list[int]
    differing: list[int]
    judged: int
    late: int


class ShadowCounts:
    """Counts windows in which a release ran beside the live model.

    Each whole encounter of a device counts once, in the class the live model gave it and in the
    device's region; its frames are not independent and are not counted. Windows stamped before
    the shadow began, or of devices outside its share, count nowhere.

    Args:
        cells: Where the counts go.
    """

    def __init__(self, policy: Policy, shadows: Shadows, cells: Cells) -> None:
        self._slo_share, self._shadows, self._cells = policy.slo_share, shadows, cells
        self._streaks = Streaks(policy)

    def count(self, rows: pa.RecordBatch, stamps_us: npt.NDArray[np.int64]) -> None:
        """Include windows that no earlier record told of."""
        shadowed = np.asarray(rows.column("shadow_release_id").is_valid())
        if not shadowed.any():
            return
        chosen = rows.filter(pa.array(shadowed))
        columns = [chosen.column(name).to_pylist() for name in _COLUMNS]
        for row, stamp in zip(
            zip(*columns, strict=True), stamps_us[shadowed].tolist(), strict=True
        ):
            self._include(_Report._make(row), stamp)

    def state(self) -> list[Any]:
        """State as JSON values, beside that of the cells."""
        return self._streaks.state()

    def restore(self, state: list[Any], cells: Cells) -> None:
        """Go on from what `state` gave, with the cells as they were then."""
        self._streaks.restore(state)
        self._cells = cells

    def _include(self, report: _Report, stamp_us: int) -> None:
        opening = self._shadows(report.release_id, report.stratum)
        if opening is None or stamp_us < opening.stamp_us:
            return
        if membership(opening.salt, report.device_id) >= opening.share:
            return
        key: CellKey = (report.release_id, report.stratum)
        cell = self._cells.touch(key)
        _compare(cell, report)
        if report.judged > 0:
            is_over = report.late > self._slo_share * report.judged
            change = self._streaks.judge(report.release_id, report.device_id, is_over=is_over)
            cell.shadow_devices += change.judged
            cell.shadow_failed += change.failed


def _compare(cell: CellCounts, report: _Report) -> None:
    """Classes without an encounter are told too: how many there are decides about the test."""
    pairs = list(zip(report.encounters, report.differing, strict=True))
    for index, (seen, differing) in enumerate(pairs):
        _add(cell, f"class {index}", seen, differing)
    if pairs:
        _add(cell, f"region {report.region}", sum(report.encounters), sum(report.differing))


def _add(cell: CellCounts, name: str, encounters: int, differing: int) -> None:
    before = cell.shadow_slices.get(name, (0, 0))
    cell.shadow_slices[name] = (before[0] + encounters, before[1] + differing)
