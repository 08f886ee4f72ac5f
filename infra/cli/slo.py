"""`fleetloop slo`: check, explain, replay and export SLOs."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from infra.cli.output import Exit, Format, FormatOption, say, show
from infra.cli.slo_backtest import backtest
from infra.cli.slo_export import export
from infra.cli.slo_standing import budget, explain, get, list_
from streams.slo import slo_file
from streams.slo.slo_file import SloFileError

app = typer.Typer(no_args_is_help=True, help="Check, explain, replay and export SLOs.")
app.command("list")(list_)
app.command()(get)
app.command()(explain)
app.command()(budget)
app.command()(backtest)
app.command()(export)


@app.command()
def lint(
    file: Annotated[
        Path | None, typer.Argument(help="SLO file; the one that ships with fleetloop")
    ] = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """List everything that is wrong with an SLO file; exit code 1 when something is."""
    try:
        slos = slo_file.load(file)
    except SloFileError as error:
        if not error.problems:
            raise
        show([asdict(problem) for problem in error.problems], output)
        say(f"{len(error.problems)} problems")
        raise typer.Exit(Exit.ERROR) from error
    show([], output, empty=f"no problems in {', '.join(slo.name for slo in slos)}")
