"""The loop of every seeded soak: one run after another, its report rewritten after each."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path("build/soak")
Run = Mapping[str, Any]


def soak(
    name: str,
    run: Callable[[int], Run],
    *,
    runs: int,
    summary: Callable[[list[Run]], Run] = lambda _: {},
) -> bool:
    """Play SOAK_RUNS runs from seed SOAK_SEED (1) on; whether any of them broke a promise.

    Args:
        name: build/soak/NAME.json gets every run, and the summary.
        run: Plays the run of a seed; true under "broken" if a promise was.
        runs: How many when SOAK_RUNS does not say.
        summary: What to tell of all runs so far.
    """
    first = int(os.environ.get("SOAK_SEED", "1"))
    played: list[Run] = []
    FOLDER.mkdir(parents=True, exist_ok=True)
    for seed in range(first, first + int(os.environ.get("SOAK_RUNS", str(runs)))):
        played.append(run(seed))
        sys.stderr.write(f"seed {seed}: {'BROKEN' if played[-1]['broken'] else 'kept'}\n")
        report = json.dumps({**summary(played), "runs": played}, indent=2)
        (FOLDER / f"{name}.json").write_text(report + "\n")
    return any(one["broken"] for one in played)
