"""Stage one's count of shadows: encounters two models saw, by class and region, and latency."""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa

from schemas.cohorts import membership
from streams.blobs import Blobs, Reading
from streams.rollout.cells import CellCounts, Cells
from streams.rollout.policy import Policy
from streams.rollout.retirement import Retired
from streams.rollout.streaks import Streaks
from streams.turns import Ints

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


class _Judged(NamedTuple):
    cell: CellCounts
    device: int
    is_over: bool


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

    def count(self, rows: pa.RecordBatch, devices: Ints, stamps_us: Ints) -> None:
        """Include windows that no earlier record told of, with the number of each one's device."""
        shadowed = np.asarray(rows.column("shadow_release_id").is_valid())
        if not shadowed.any():
            return
        chosen = rows.filter(pa.array(shadowed))
        columns = [chosen.column(name).to_pylist() for name in _COLUMNS]
        judged: dict[str, list[_Judged]] = {}
        for row, device, stamp in zip(
            zip(*columns, strict=True),
            devices[shadowed].tolist(),
            stamps_us[shadowed].tolist(),
            strict=True,
        ):
            report = _Report._make(row)
            cell = self._include(report, stamp)
            if cell is not None and report.judged > 0:
                is_over = report.late > self._slo_share * report.judged
                judged.setdefault(report.release_id, []).append(_Judged(cell, device, is_over))
        for release_id, told in judged.items():
            self._judge(release_id, told)

    def drop_retired(self, retired_us: Retired, read_us: int) -> None:
        """See `Streaks.drop_retired`."""
        self._streaks.drop_retired(retired_us, read_us)

    def state(self, blobs: Blobs) -> dict[str, Any]:
        """State as JSON values and columns, beside that of the cells."""
        return self._streaks.state(blobs)

    def restore(self, state: dict[str, Any], reading: Reading, cells: Cells) -> None:
        """Go on from what `state` gave, with the cells as they were then."""
        self._streaks.restore(state, reading)
        self._cells = cells

    def _include(self, report: _Report, stamp_us: int) -> CellCounts | None:
        """Compare the models, and the cell of the report; None: it counts nowhere."""
        opening = self._shadows(report.release_id, report.stratum)
        if opening is None or stamp_us < opening.stamp_us:
            return None
        if membership(opening.salt, report.device_id) >= opening.share:
            return None
        cell = self._cells.touch((report.release_id, report.stratum))
        _compare(cell, report)
        return cell

    def _judge(self, release_id: str, told: Sequence[_Judged]) -> None:
        """Judge devices of a release by windows in log order."""
        devices = np.array([one.device for one in told], np.int64)
        over = np.array([one.is_over for one in told], np.bool_)
        changes = self._streaks.judge(release_id, devices, over)
        for one, judged, failed in zip(
            told, changes.judged.tolist(), changes.failed.tolist(), strict=True
        ):
            one.cell.shadow_devices += judged
            one.cell.shadow_failed += failed


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
