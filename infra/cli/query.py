"""`fleetloop query`: the named queries, their meaning and their answers."""

from typing import Annotated

import typer

from infra.cli.answers import AnswerFormat, AnswerFormatOption, watch, write
from infra.cli.output import Exit, Format, FormatOption, fail, say, show
from infra.clickhouse.queries import answer, named, stored
from infra.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Ask ClickHouse by name.")

_NameArgument = Annotated[str, typer.Argument(help="Name of a query, see `query list`.")]


@app.command("list")
def list_queries(output: FormatOption = Format.TABLE) -> None:
    """List the queries with what each answers."""
    rows = [
        {
            "name": query.name,
            "answers": query.answers,
            "params": ", ".join(param.name for param in query.params),
        }
        for query in stored().values()
    ]
    show(rows, output)


@app.command("show")
def show_query(name: _NameArgument) -> None:
    """Print a query's meaning, parameters and SQL."""
    query = named(name)
    say(f"{query.title}: {query.answers}\nunit: {query.unit}\nfrom: {', '.join(query.tables)}")
    if query.whole:
        say(f"read whole by design: {', '.join(query.whole)}")
    for param in query.params:
        default = "must be given" if param.default is None else f"default {param.default!r}"
        say(f"--param {param.name}=...  {param.type}, {default}: {param.doc}")
    typer.echo(query.sql)


@app.command("run")
def run(
    name: _NameArgument,
    param: Annotated[
        list[str] | None, typer.Option("--param", help="name=value; may be given again")
    ] = None,
    output: AnswerFormatOption = AnswerFormat.TABLE,
    again: Annotated[
        float | None,
        typer.Option("--watch", min=0.1, help="Ask again every so many seconds; tables only."),
    ] = None,
) -> None:
    """Run a query and print its rows."""
    given, clickhouse = _pairs(param or []), Settings().clickhouse
    if again is None:
        write(answer(clickhouse, name, given), output)
    elif output is AnswerFormat.TABLE:
        watch(lambda: answer(clickhouse, name, given), again)
    else:
        fail(f"--watch is for tables, not for {output}", Exit.USAGE)


def _pairs(texts: list[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            fail(f"--param {text}: write it as name=value", Exit.USAGE)
        pairs[name] = value
    return pairs
