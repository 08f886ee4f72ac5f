"""`fleetloop clickhouse`: migrations and counts."""

import dataclasses
from collections.abc import Sequence

import typer

from consumers.clickhouse.census import census
from infra.cli.output import Exit, Format, FormatOption, say, show
from infra.clickhouse import migrate
from infra.settings import ClickHouseSettings, Settings

app = typer.Typer(no_args_is_help=True, help="Tables of ClickHouse.")


@app.command()
def plan(output: FormatOption = Format.TABLE) -> None:
    """Show which migrations are missing; exit code 3 when there are some."""
    clickhouse = Settings().clickhouse
    missing = migrate.pending(clickhouse)
    _show(clickhouse, missing, output)
    if missing:
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


def _show(
    clickhouse: ClickHouseSettings, found: Sequence[migrate.Migration], output: Format
) -> None:
    if not found:
        say(f"{clickhouse.host}:{clickhouse.tcp_port}/{clickhouse.database} is up to date")
    show([{"migration": each.name, "statements": len(each.statements)} for each in found], output)
