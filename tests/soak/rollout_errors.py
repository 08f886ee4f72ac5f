"""`make soak NAME=rollout_errors`: the table of the gate's errors, 10,000 runs a row and seed.

The results stand in build/soak/rollout_errors.json; the exit status tells whether a promise broke.
"""

import sys
from dataclasses import asdict
from typing import Any, Final

import numpy as np

from tests.rollout_errors import ROWS, Found
from tests.soak.seeds import Run, soak

SLICES: Final = 5
SLICE: Final = 2_000


def run(seed: int) -> dict[str, Any]:
    """Every row of the table by one seed."""
    rng = np.random.default_rng(seed)
    told: dict[str, Any] = {}
    broken = []
    for row in ROWS:
        slices = [row.draw(rng, SLICE) for _ in range(SLICES)]
        days = [one.median_day for one in slices if one.median_day is not None]
        found = Found(
            rolled_back=float(np.mean([one.rolled_back for one in slices])),
            proven=float(np.mean([one.proven for one in slices])),
            median_day=float(np.median(days)) if days else None,
        )
        told[row.name] = asdict(found)
        if row.broken(found, SLICES * SLICE):
            broken.append(row.name)
    return {"seed": seed, "broken": broken, "rows": told}


def summary(played: list[Run]) -> Run:
    """Means over all seeds."""
    return {
        "runs_a_row": len(played) * SLICES * SLICE,
        "means": {
            row.name: {
                what: float(np.mean([one["rows"][row.name][what] for one in played]))
                for what in ("rolled_back", "proven")
            }
            for row in ROWS
        },
    }


if __name__ == "__main__":
    sys.exit(soak("rollout_errors", run, runs=2, summary=summary))
