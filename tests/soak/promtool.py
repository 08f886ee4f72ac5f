"""`make soak NAME=promtool`: every series with its whole history, judged by Prometheus' evaluator.

The suite shortens the incidents of slo.md; here each comes after three clean days, at one-minute
buckets on both sides, with every minute of all four tiers compared and the minutes of the table
checked. The results stand in build/soak/promtool.json; the exit status tells whether all agreed.
"""

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from infra.cli.output import say
from streams.slo.objectives import Slo
from streams.slo.prometheus.promtool import Minute
from tests.promtool import as_prometheus, compare, judged
from tests.promtool_series import CASES, Case

FOLDER: Final = Path("build/soak")


def run(case: Case) -> dict[str, Any]:
    """Compare one series; what was compared and how it ended."""
    counts = case.full or case.short
    engine = judged(case, counts)
    told = as_prometheus(case.slo, engine)
    with tempfile.TemporaryDirectory(prefix="fleetloop-promtool-") as folder:
        ended = compare(Path(folder), case, counts, told)
    table = by_tier(case.slo, engine, case.incident) if case.table else []
    return {
        "series": case.name,
        "minutes": len(engine),
        "minutes_with_a_true_tier": sum(bool(one.active) for one in engine),
        "promtool_agrees": ended.returncode == 0,
        "differences": (ended.stdout + ended.stderr)[:4_000] if ended.returncode else "",
        "alerts_as_ours": all(
            set(one.firing) == set(other.firing) for one, other in zip(engine, told, strict=True)
        ),
        "table": table,
        "table_as_designed": table == [list(one) if one else None for one in case.table],
    }


def by_tier(
    slo: Slo, engine: Sequence[Minute], incident: tuple[int, int]
) -> list[list[int] | None]:
    """First minute of the incident at which each tier is true, minutes it goes on after its end."""
    found: list[list[int] | None] = []
    for tier in slo.tiers:
        true = [one.number for one in engine if any(tier == at for at, _ in one.active)]
        found.append([true[0] - incident[0], true[-1] - incident[1]] if true else None)
    return found


def main() -> int:
    """Run all series."""
    runs = []
    for case in CASES:
        found = run(case)
        runs.append(found)
        ok = found["promtool_agrees"] and found["table_as_designed"]
        say(f"{case.name}: {found['minutes']} minutes, {'agrees' if ok else 'DIFFERS'}")
        FOLDER.mkdir(parents=True, exist_ok=True)
        (FOLDER / "promtool.json").write_text(json.dumps(runs, indent=2) + "\n")
    return int(not all(one["promtool_agrees"] and one["table_as_designed"] for one in runs))


if __name__ == "__main__":
    sys.exit(main())
