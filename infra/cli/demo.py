"""`fleetloop demo`: the whole story on engines started for it."""

from pathlib import Path
from typing import Annotated

import typer

from infra.cli.engines import Broker, ClickHouse, Registry
from infra.cli.output import Exit
from infra.stack.spec import EMBEDDED, FILE

app = typer.Typer()


@app.command()
def demo(
    frames: Annotated[
        Path | None, typer.Option(help="recorded pictures (.npz of tracks) for the camera")
    ] = None,
    broker: Broker = EMBEDDED,
    clickhouse: ClickHouse = EMBEDDED,
    registry: Registry = FILE,
    folder: Annotated[Path, typer.Option(help="where the run keeps its data and report")] = Path(
        "build/demo"
    ),
    limit_s: Annotated[float, typer.Option(help="give up after this many seconds")] = 900.0,
) -> None:
    """Play the closed loop: three releases, a dataset, a page, a rollback, report.json."""
    from infra.demo.run import DemoOptions, play  # noqa: PLC0415 - loads numpy and more

    options = DemoOptions(
        broker=broker,
        clickhouse=clickhouse,
        registry=registry,
        frames=frames,
        folder=folder,
        limit_s=limit_s,
    )
    if not play(options):
        raise typer.Exit(Exit.CONDITION_NOT_MET)
