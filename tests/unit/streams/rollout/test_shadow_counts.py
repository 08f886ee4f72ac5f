"""What stage one counts of a shadow: whole encounters once, of its cohort, from its begin on."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from schemas.cohorts import membership
from streams.blobs import Blobs, Reading
from streams.rollout.cells import Cells
from streams.rollout.policy import Policy
from streams.rollout.shadow_counts import ShadowCounts, ShadowOpening
from streams.rollout.shadow_rule import ShadowRule

POLICY = Policy(shadow=ShadowRule(), windows_over=2, windows_judged=3)
OPENING = ShadowOpening(1_000, "salt", 0.5)
INSIDE = next(f"d{n}" for n in range(99) if membership("salt", f"d{n}") < 0.5)
OUTSIDE = next(f"d{n}" for n in range(99) if membership("salt", f"d{n}") >= 0.5)


def counts() -> tuple[ShadowCounts, Cells]:
    cells = Cells()

    def shadows(release_id: str, stratum: str) -> ShadowOpening | None:
        return OPENING if (release_id, stratum) == ("r2", "HW3") else None

    return ShadowCounts(POLICY, shadows, cells), cells


def row(**changes: Any) -> dict[str, Any]:
    """A window of a device that ran r2 beside its own."""
    plain = {
        "shadow_release_id": "r2",
        "hardware": "HW3",
        "region": "city",
        "device_id": INSIDE,
        "shadow_encounters": [4, 0, 2],
        "shadow_differing": [1, 0, 0],
        "shadow_judged": 60,
        "shadow_late": 0,
    }
    return {**plain, **changes}


def read(fold: ShadowCounts, *rows: dict[str, Any], stamp: int = 2_000) -> None:
    devices = np.array([int(one["device_id"][1:]) for one in rows], np.int64)
    fold.count(pa.RecordBatch.from_pylist(list(rows)), devices, np.full(len(rows), stamp))


def test_encounters_are_counted_by_class_and_by_region_and_empty_classes_are_told() -> None:
    fold, cells = counts()
    read(fold, row(), row(region="alps", shadow_encounters=[1, 0, 0]))
    assert cells.counts["r2", "HW3"].shadow_slices == {
        "class 0": (5, 2),
        "class 1": (0, 0),
        "class 2": (2, 0),
        "region city": (6, 1),
        "region alps": (1, 1),
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"shadow_release_id": None},
        {"shadow_release_id": "never begun"},
        {"hardware": "HW4"},
        {"device_id": OUTSIDE},
    ],
)
def test_what_is_nobodys_shadow_counts_nowhere(changes: dict[str, Any]) -> None:
    fold, cells = counts()
    read(fold, row(**changes))
    assert cells.counts == {}


def test_a_window_stamped_before_the_shadow_began_counts_nowhere() -> None:
    fold, cells = counts()
    read(fold, row(), stamp=999)
    assert cells.counts == {}


def test_a_device_fails_by_windows_over_in_a_row_and_once() -> None:
    fold, cells = counts()
    over = row(shadow_late=1)
    read(fold, over, row(), over, over, over)
    cell = cells.counts["r2", "HW3"]
    assert (cell.shadow_devices, cell.shadow_failed) == (1, 1)
    assert (cell.accepted, cell.failed, cell.windows_judged) == (0, 0, 0)


def test_state_goes_on_where_it_was() -> None:
    whole, cells = counts()
    read(whole, row(shadow_late=1), row(shadow_late=1))
    first, kept = counts()
    read(first, row(shadow_late=1))
    second, _ = counts()
    restored = Cells.from_state(kept.state())
    blobs = Blobs()
    second.restore(first.state(blobs), Reading(blobs.pack(None)), restored)
    read(second, row(shadow_late=1))
    assert restored.counts == cells.counts
