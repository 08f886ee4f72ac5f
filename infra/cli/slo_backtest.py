"""`fleetloop slo backtest`: what an SLO file would have said of the past, and how good that is."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from infra.cli.output import Exit, Format, FormatOption, fail, say, show
from infra.clickhouse.slo_counts import stored
from infra.settings import Settings
from schemas import durations, moments
from streams.slo import slo_file
from streams.slo.backtest import rows
from streams.slo.backtest.replay import Replayed, replay
from streams.slo.backtest.rows import Counted, Incident
from streams.slo.backtest.score import score
from streams.slo.objectives import Slo
from streams.slo.transitions import Transition


def backtest(
    slo: Annotated[Path | None, typer.Option(help="SLO file; the one that ships")] = None,
    series: Annotated[
        Path | None,
        typer.Option(help="CSV: time, labels, total, bad; not given: ClickHouse"),
    ] = None,
    incidents: Annotated[
        Path | None, typer.Option(help="CSV: start, end, label columns; then a score is told")
    ] = None,
    begin: Annotated[str | None, typer.Option(help="of what ClickHouse holds, RFC 3339")] = None,
    end: Annotated[str | None, typer.Option(help="of what ClickHouse holds, RFC 3339")] = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Replay the past through the engine; a row's events happened at its time.

    Columns of the series that the SLO does not group by are added up; a column `slo` names the SLO
    that a row is for.
    """
    slos = slo_file.load(slo)
    known = None if incidents is None else _incidents(incidents)
    replays = [replay(one, counts) for one, counts in _counts(slos, series, begin, end)]
    if not any(one.cells for one in replays):
        fail("no counts: the series has no row, or none for these SLOs", Exit.CONDITION_NOT_MET)
    told = [_told(one, step) for one in replays for step in one.transitions]
    told.sort(key=lambda row: row["at"])
    found = None if known is None else score(replays, known)
    if output is Format.JSON:
        sys.stdout.write(json.dumps({"transitions": told, "score": found}, indent=2) + "\n")
        return
    show([_row(one) for one in told], output, empty="no alert")
    if found is not None:
        by_severity = found.pop("by_severity")
        columns = {"all": found, **by_severity}
        names = list(found)
        show([{"score": n, **{c: columns[c].get(n) for c in columns}} for n in names], output)


def _counts(
    slos: Sequence[Slo], series: Path | None, begin: str | None, end: str | None
) -> list[tuple[Slo, list[Counted]]]:
    if series is not None:
        if begin is not None or end is not None:
            fail("--begin and --end are for ClickHouse; a series is replayed whole", Exit.USAGE)
        with series.open(encoding="utf-8", newline="") as lines:
            counts = rows.series(lines, str(series))
        _tell_missing(slos, counts)
        return [(slo, counts) for slo in slos]
    if begin is None or end is None:
        fail("write --series FILE.csv, or --begin and --end to read ClickHouse", Exit.USAGE)
    try:
        span = rows.micros(begin, "--begin"), rows.micros(end, "--end")
    except ValueError as error:
        fail(str(error), Exit.USAGE)
    clickhouse = Settings().clickhouse
    return [(slo, stored(clickhouse, slo, *span)) for slo in slos]


def _tell_missing(slos: Sequence[Slo], counts: Sequence[Counted]) -> None:
    columns = set(counts[0].labels) if counts else set()
    missing = sorted({label for slo in slos for label in slo.group_by} - columns)
    if missing:
        say(f"the series has no column {', '.join(missing)}: NOT_STATED in every key")


def _incidents(path: Path) -> list[Incident]:
    with path.open(encoding="utf-8", newline="") as lines:
        return rows.incidents(lines, str(path))


def _told(replayed: Replayed, step: Transition) -> dict[str, Any]:
    return {
        "slo": replayed.slo.name,
        "key": dict(step.labels),
        "severity": step.severity.value,
        "state": step.state.value,
        "at": moments.spell(step.at_us),
        "tiers": [
            {
                "long": durations.spell(tier.long_s * durations.SECOND_US),
                "short": durations.spell(tier.short_s * durations.SECOND_US),
                "burn_long": tier.burn_long,
                "burn_short": tier.burn_short,
                "active": tier.active,
            }
            for tier in step.tiers
        ],
    }


def _row(told: dict[str, Any]) -> dict[str, Any]:
    active = [tier for tier in told["tiers"] if tier["active"]]
    return {
        "at": told["at"],
        "slo": told["slo"],
        "key": ", ".join(told["key"].values()),
        "severity": told["severity"],
        "state": told["state"],
        "burn": "; ".join(
            f"{tier['long']} {tier['burn_long']:.2f} / {tier['short']} {tier['burn_short']:.2f}"
            for tier in active or told["tiers"]
        ),
    }
