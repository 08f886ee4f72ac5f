"""How SLOs do on real series with known faults: Nezha's service, and the Numenta benchmark.

The SLO files and the conversion to counts stand in tests/bench/slo_series; nothing in them was
fitted to one fault or one series. The counts are written to build/bench/slo_real, where
`fleetloop slo backtest --slo tests/bench/slo_series/nezha.yaml --series ...` replays them.
"""

import csv
import os
from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from infra.cli.output import say
from streams.slo import slo_file
from streams.slo.backtest.episodes import episodes
from streams.slo.backtest.replay import cells_of, judged, labels_of, replay
from streams.slo.backtest.rows import Counted
from streams.slo.objectives import Slo
from tests.bench.figures import FOLDER, figure, tell
from tests.bench.slo_series import nab, nezha

HERE: Final = Path(__file__).parent / "slo_series"
SHARED: Final = Path(os.environ.get("FLEETLOOP_SHARED", HERE.parents[3] / "shared")) / "data"
THRESHOLDS_S: Final = {"frontend-typical-latency": 0.35, "frontend-availability": 0.0}


def nezha_figures(folder: Path) -> dict[str, dict[str, Any]]:
    """Faults found and minutes alerting outside, beside the floor of SOURCE.md."""
    rows = list(nezha.counts(folder, THRESHOLDS_S))
    write("nezha", rows)
    slos = slo_file.load(HERE / "nezha.yaml")
    burning = {at for slo in slos for at in burning_times(slo, rows)}
    found = nezha.judge(sorted(burning), nezha.faults(folder))
    alerts = [one for slo in slos for one in episodes(replay(slo, rows))]
    return {
        "nezha faults found of 24": figure(found["found"], "faults", nezha.FLOOR["found"] + 1),
        "nezha minutes outside": figure(
            found["outside"], "minutes", nezha.FLOOR["outside"] - 1, at_most=True
        ),
        "nezha minutes in all": figure(len(burning), "minutes", None),
        "nezha pages": figure(len(alerts), "pages", None),
    }


def nab_figures(folder: Path) -> dict[str, dict[str, Any]]:
    """NAB's own score of two ways to say what a usual value is."""
    (slo,) = slo_file.load(HERE / "nab.yaml")
    figures: dict[str, dict[str, Any]] = {}
    for name, counts in (("fixed range", nab.fixed), ("trailing range", nab.trailing)):
        found = []
        for series in nab.read(folder):
            rows = counts(series)
            write(f"nab_{name.split()[0]}_{Path(series.name).stem}", rows)
            starts = [one.start_us for one in episodes(replay(slo, rows))]
            # A bucket's end is at or after the row that decided.
            hits = [series.times_us[max(0, bisect_right(series.times_us, at) - 1)] for at in starts]
            found.append((series, hits))
        figures |= {
            f"nab {name}, standard": figure(nab.score(found, nab.STANDARD), "of 100", None),
            f"nab {name}, low FP": figure(nab.score(found, nab.LOW_FP), "of 100", None),
            f"nab {name}, alerts": figure(sum(len(hits) for _, hits in found), "alerts", None),
            f"nab {name}, windows hit of 35": figure(nab.windows_hit(found), "windows", None),
        }
    return figures


def burning_times(slo: Slo, rows: Sequence[Counted]) -> list[int]:
    """Times of the rows at whose end a tier is true: what a threshold rule is compared with."""
    cells = cells_of(slo, [row for row in rows if row.labels["slo"] == slo.name])
    return [
        (bucket + 1) * slo.bucket_us
        for bucket, (engine, _) in zip(sorted(cells), judged(slo, cells), strict=True)
        if any(any(engine.active(labels_of(slo, key))) for key in cells[bucket])
    ]


def write(name: str, rows: Sequence[Counted]) -> None:
    """Rows as the CSV of `fleetloop slo backtest`."""
    path = FOLDER / "slo_real" / f"{name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["time", *rows[0].labels, "total", "bad"])
        for row in rows:
            at = datetime.fromtimestamp(row.at_us // 1_000_000, UTC)
            out.writerow([f"{at:%Y-%m-%dT%H:%M:%SZ}", *row.labels.values(), row.total, row.bad])


def main() -> None:
    """Measure what is there."""
    figures: dict[str, dict[str, Any]] = {}
    for name, measure in (("nezha_latency", nezha_figures), ("nab_labelled", nab_figures)):
        if (SHARED / name).is_dir():
            figures |= measure(SHARED / name)
        else:
            say(f"no data set {SHARED / name}; FLEETLOOP_SHARED names the folder of data/{name}")
    tell("slo_real", figures)


if __name__ == "__main__":
    main()
