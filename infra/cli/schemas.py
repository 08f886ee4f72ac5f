"""`fleetloop schemas`: hold the stored versions to their rules, and register them."""

from typing import Annotated

import typer

from infra.cli.output import Exit, Format, FormatOption, fail, show
from infra.settings import Settings
from infra.stack.registry import register_all
from schemas.compat import check_stored
from schemas.topics import TOPICS
from schemas.versions import stored_versions

app = typer.Typer(no_args_is_help=True, help="Schemas: check the stored versions, register them.")


@app.command()
def check(output: FormatOption = Format.TABLE) -> None:
    """Check all stored versions of every topic. Exit code 3 when two do not fit."""
    try:
        findings = check_stored()
    except ValueError as error:
        fail(str(error))
    rows = [
        {
            "topic": name,
            "versions": len(stored_versions(name)),
            "compatibility": spec.compatibility.value,
            "problems": "; ".join(
                f"version {item.reader_version} reads {item.writer_version}: {item.problem}"
                for item in findings
                if item.topic == name
            ),
        }
        for name, spec in TOPICS.items()
    ]
    show(rows, output)
    if findings:
        fail(
            f"{len(findings)} incompatibilities: a published version never changes, and a new one "
            "only adds fields with defaults",
            Exit.CONDITION_NOT_MET,
        )


@app.command()
def register(
    url: Annotated[
        str | None, typer.Option(help="Registry; default: FLEETLOOP_REGISTRY_URL")
    ] = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Register all versions, and set the subjects' rules."""
    address = url or Settings().registry_url
    if address is None:
        fail("no registry: give --url or set FLEETLOOP_REGISTRY_URL", Exit.USAGE)
    show(register_all(address), output)
