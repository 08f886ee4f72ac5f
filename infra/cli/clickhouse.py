"""`fleetloop clickhouse`: migrations, counts, and what is missing."""

import dataclasses
from collections.abc import Sequence
from typing import Annotated

import typer

from consumers.clickhouse.census import census
from consumers.clickhouse.completeness import Stretch
from infra.cli.output import Exit, Format, FormatOption, fail, say, show
from infra.clickhouse import migrate
from infra.clickhouse.evolution import unwritten
from infra.clickhouse.mend import replay as mend
from infra.clickhouse.verify import Wrong
from infra.clickhouse.verify import verify as compare
from infra.settings import ClickHouseSettings, Settings
from schemas.registry import FileRegistry

app = typer.Typer(no_args_is_help=True, help="Tables of ClickHouse.")


@app.command()
def plan(output: FormatOption = Format.TABLE) -> None:
    """Show which migrations are missing or not even written; exit code 3 when some are."""
    clickhouse = Settings().clickhouse
    missing, known = migrate.pending(clickhouse), migrate.stored()
    lacking = unwritten(FileRegistry(), (each for one in known for each in one.statements))
    if lacking:
        say(f"no migration makes these; write infra/clickhouse/migrations/{len(known) + 1:04d}_...")
        show([dataclasses.asdict(each) for each in lacking], output)
    else:
        _show(clickhouse, missing, output)
    if missing or lacking:
        raise typer.Exit(Exit.CONDITION_NOT_MET)


@app.command()
def apply(output: FormatOption = Format.TABLE) -> None:
    """Make the database and apply the missing migrations in order."""
    clickhouse = Settings().clickhouse
    _show(clickhouse, migrate.apply(clickhouse), output)


@app.command("census")
def count(output: FormatOption = Format.TABLE) -> None:
    """Count every topic's rows as stored, and the different ones among them."""
    found = census(Settings().clickhouse)
    show([{"topic": topic, **dataclasses.asdict(count)} for topic, count in found.items()], output)


@app.command()
def verify(output: FormatOption = Format.TABLE) -> None:
    """Compare Kafka's offsets with rows and dead letters; exit code 3 when they differ."""
    verdict = compare(Settings())
    for note in verdict.notes:
        say(note)
    show([_row(wrong) for wrong in verdict.wrong], output)
    if verdict.wrong:
        raise typer.Exit(Exit.CONDITION_NOT_MET)
    say("nothing is missing and nothing is there twice")


@app.command()
def replay(
    stretch: Annotated[
        str, typer.Argument(metavar="RANGE", help="TOPIC/PARTITION:FIRST-LAST, see `verify`.")
    ],
    output: FormatOption = Format.TABLE,
) -> None:
    """Read a range from Kafka again and store what is missing of it; it can be run again."""
    try:
        wanted = Stretch.parse(stretch)
    except ValueError as error:
        fail(str(error), Exit.USAGE)
    mended = mend(Settings(), wanted)
    show([{"range": str(wanted), **dataclasses.asdict(mended)}], output)


def _row(wrong: Wrong) -> dict[str, object]:
    topic, partition = wrong.source
    return {
        "topic": topic,
        "partition": partition,
        "kind": wrong.finding.kind,
        "first_offset": wrong.finding.range.first,
        "last_offset": wrong.finding.range.last,
        "count": wrong.finding.count,
        "what_to_do": wrong.what_to_do,
    }


def _show(
    clickhouse: ClickHouseSettings, found: Sequence[migrate.Migration], output: Format
) -> None:
    if not found:
        say(f"{clickhouse.host}:{clickhouse.tcp_port}/{clickhouse.database} is up to date")
    show([{"migration": each.name, "statements": len(each.statements)} for each in found], output)
