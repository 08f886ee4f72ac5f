"""`fleetloop doctor`: what is there, what is missing and what that costs."""

import dataclasses
import os
from pathlib import Path
from typing import Annotated

import typer

from infra.cli.output import Exit, Format, FormatOption, show
from infra.doctor import Verdict, examine, reach
from infra.settings import Settings

app = typer.Typer(help="What is there, what is missing and what that costs.")


@app.command()
def doctor(
    data_dir: Annotated[Path, typer.Option(help="Folder whose disk is looked at.")] = Path(
        ".fleetloop"
    ),
    engines: Annotated[
        bool | None,
        typer.Option(
            "--engines/--no-engines",
            help="Try the configured engines. Default: when FLEETLOOP_KAFKA__* or "
            "FLEETLOOP_CLICKHOUSE__* name any.",
        ),
    ] = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Look at this machine; exit code 4 when a configured engine does not answer."""
    findings = examine(data_dir)
    if _configured() if engines is None else engines:
        findings += reach(Settings())
    show([dataclasses.asdict(finding) for finding in findings], output)
    if any(finding.verdict is Verdict.UNREACHABLE for finding in findings):
        raise typer.Exit(Exit.UNREACHABLE)


def _configured() -> bool:
    """Whether somebody said where engines are: the defaults name nothing that must run."""
    prefixes = ("FLEETLOOP_KAFKA__", "FLEETLOOP_CLICKHOUSE__", "FLEETLOOP_REGISTRY_URL")
    return any(name.upper().startswith(prefixes) for name in os.environ)
