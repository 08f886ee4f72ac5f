"""Power cuts of a device: every operation on its files, before and after; then cuts in a row.

`make soak NAME=ota`. A run of each plot counts the operations, then the power goes at each of them;
SOAK_RUNS more runs (200) have one to three seeded cuts that follow each other, from seed SOAK_SEED.
build/soak/ota.json says how many points of each kind there were, and every promise that broke.
"""

import json
import os
import sys
from collections import Counter
from random import Random
from typing import Any

from tests.soak.seeds import FOLDER
from tests.updating_device import PLOTS, Cut, Factory, operations, play, seeded


def main() -> bool:
    """Play all points; whether any broke a promise."""
    factory, runs = Factory(), list[dict[str, Any]]()
    counts = {name: operations(factory, plot) for name, plot in PLOTS.items()}
    for name, count in counts.items():
        for at in range(count):
            for before in (True, False):
                cuts = [Cut(at, before)]
                runs.append({"kind": "single", **play(factory, PLOTS[name], cuts, at)})
    first = int(os.environ.get("SOAK_SEED", "1"))
    for seed in range(first, first + int(os.environ.get("SOAK_RUNS", "200"))):
        random = Random(seed)
        plot = PLOTS[random.choice(sorted(PLOTS))]
        cuts = seeded(random, counts[plot.name])
        runs.append({"kind": "seeded", "seed": seed, **play(factory, plot, cuts, seed)})
    return report(counts, runs)


def report(counts: dict[str, int], runs: list[dict[str, Any]]) -> bool:
    """Write what was found."""
    broken = [run for run in runs if run["broken"]]
    points = Counter(dict.fromkeys(("single", "seeded"), 0))
    for run in runs:
        points[run["kind"]] += run["cuts"]
    told = {
        "operations": counts,
        "runs": len(runs),
        "cuts": dict(points),
        "broken": broken,
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "ota.json").write_text(json.dumps(told, indent=2, default=str) + "\n")
    sys.stderr.write(f"{len(runs)} runs, {sum(points.values())} cuts, {len(broken)} broken\n")
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
