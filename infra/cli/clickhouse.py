"""`fleetloop clickhouse`: migrations and counts."""

import dataclasses

import typer

from consumers.clickhouse.census import census
from consumers.clickhouse.client import ClickHouseError, UnreachableError
from infra.cli.output import Exit, Format, FormatOption, fail, say, show
from infra.clickhouse import migrate
from infra.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Tables of ClickHouse.")


@app.command()
def plan(output: FormatOption = Format.TABLE) -> None:
    """Show which migrations are missing; change nothing."""
    _migrations(output, change=False)


@app.command()
def apply(output: FormatOption = Format.TABLE) -> None:
    """Make the database and apply the missing migrations in order."""
    _migrations(output, change=True)


@app.command("census")
def count(output: FormatOption = Format.TABLE) -> None:
    """Count every topic's rows as stored, and the different ones among them."""
    try:
        found = census(Settings().clickhouse)
    except UnreachableError as error:
        fail(str(error), Exit.UNREACHABLE)
    except ClickHouseError as error:
        fail(f"{error}; run `fleetloop clickhouse apply`")
    show([{"topic": topic, **dataclasses.asdict(count)} for topic, count in found.items()], output)


def _migrations(output: Format, *, change: bool) -> None:
    clickhouse = Settings().clickhouse
    where = f"{clickhouse.host}:{clickhouse.tcp_port}/{clickhouse.database}"
    try:
        found = migrate.apply(clickhouse) if change else migrate.pending(clickhouse)
    except UnreachableError as error:
        fail(str(error), Exit.UNREACHABLE)
    except (migrate.MigrationError, ClickHouseError) as error:
        fail(str(error))
    if not found:
        say(f"{where} is up to date")
    show([{"migration": each.name, "statements": len(each.statements)} for each in found], output)
