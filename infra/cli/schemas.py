"""`fleetloop schemas`: hold the stored versions to their rules, and register them."""

from typing import Annotated

import typer

from infra.cli.output import Exit, Format, FormatOption, fail, show
from infra.settings import Settings
from schemas.compat import check_stored
from schemas.http_registry import HttpRegistry, RegistryRefusedError, RegistryUnavailableError
from schemas.topics import TOPICS
from schemas.versions import stored_versions

app = typer.Typer(no_args_is_help=True, help="Schemas: check the stored versions, register them.")


@app.command()
def check(output: FormatOption = Format.TABLE) -> None:
    """Check every stored version of every topic against every other; exit 3 when one breaks."""
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
    """Register all versions with a Confluent-compatible registry and set the subjects' rules."""
    address = url or Settings().registry_url
    if address is None:
        fail("no registry: give --url or set FLEETLOOP_REGISTRY_URL", Exit.USAGE)
    registry = HttpRegistry(address)
    rows = []
    try:
        for name, spec in TOPICS.items():
            registry.set_compatibility(spec)
            rows += [
                {"subject": spec.subject, "version": item.version, "id": registry.register(item)}
                for item in stored_versions(name)
            ]
    except RegistryUnavailableError as error:
        fail(str(error), Exit.UNREACHABLE)
    except RegistryRefusedError as error:
        fail(str(error))
    finally:
        registry.close()
    show(rows, output)
