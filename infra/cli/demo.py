"""`fleetloop demo`: the whole story on engines started for it."""

from pathlib import Path
from typing import Annotated

import typer

from infra.cli.output import Exit, fail

app = typer.Typer()


@app.command()
def demo(
    frames: Annotated[
        Path | None, typer.Option(help="recorded pictures (.npz of tracks) for the camera")
    ] = None,
    broker: Annotated[
        str, typer.Option(envvar="FLEETLOOP_BROKER", help="embedded, kafka, or host:port")
    ] = "embedded",
    clickhouse: Annotated[str, typer.Option(help="embedded, or host:port")] = "embedded",
    registry: Annotated[str, typer.Option(help="file, apicurio, or a URL")] = "file",
    folder: Annotated[Path, typer.Option(help="where the run keeps its data and report")] = Path(
        "build/demo"
    ),
    limit_s: Annotated[float, typer.Option(help="give up after this many seconds")] = 420.0,
) -> None:
    """Play the closed loop: three releases, a dataset, a page, a rollback; writes report.json."""
    from infra.demo.run import DemoError, DemoOptions, play  # noqa: PLC0415 - loads numpy and more

    options = DemoOptions(
        broker=broker,
        clickhouse=clickhouse,
        registry=registry,
        frames=frames,
        folder=folder,
        limit_s=limit_s,
    )
    try:
        kept = play(options)
    except DemoError as error:
        fail(str(error))
    if not kept:
        raise typer.Exit(Exit.CONDITION_NOT_MET)
