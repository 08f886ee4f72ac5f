"""`fleetloop device`: one device, what it would believe of what it is given, and running it."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from infra.cli.device_owner import consent, postpone
from infra.cli.device_run import run
from infra.cli.output import Exit, Format, FormatOption, fail, say, show
from producers.device.client.files import FolderFiles
from producers.device.trust.cycle import UpdateCycle
from producers.device.trust.predicate import Identity
from producers.device.trust.refusal import RefusedError
from producers.device.trust.sources import FolderSource
from producers.device.trust.state import TrustState
from schemas import moments

app = typer.Typer(no_args_is_help=True, help="One device: what it believes, and running it.")
for command in (run, consent, postpone):
    app.command()(command)


@app.command()
def verify(
    director: Annotated[
        Path, typer.Option(exists=True, file_okay=False, help="folder of the Director's repository")
    ],
    images: Annotated[
        Path, typer.Option(exists=True, file_okay=False, help="folder of the image repository")
    ],
    state: Annotated[Path, typer.Option(help="folder of what the device trusts, kept and renewed")],
    now: Annotated[str, typer.Option(help="time to verify at, such as 2026-01-31T08:00:00Z")],
    ecu: Annotated[str, typer.Option(help="the device's id")],
    hardware: Annotated[str, typer.Option(help="the device's hardware id")],
    target: Annotated[str, typer.Option(help="path of the image asked for")],
    output: FormatOption = Format.TABLE,
) -> None:
    """Verify metadata and image as a device would; exit code 3 when it would refuse.

    A state that trusts no root yet begins with the 1.root.json of each folder.
    """
    try:
        moment = datetime.fromtimestamp(moments.parse(now) // 1_000_000, UTC)
    except ValueError as error:
        fail(f"--now: {error}", Exit.USAGE)
    cycle = UpdateCycle(
        director=FolderSource(director),
        images=FolderSource(images),
        state=TrustState(FolderFiles(state)),
        me=Identity(ecu=ecu, hardware=hardware),
        trust_first=True,
    )
    try:
        cycle.receive(cycle.verify(target, moment), keep=len)
    except RefusedError as error:
        _tell(error, output)
        say(f"fleetloop: {error}")
        raise typer.Exit(Exit.CONDITION_NOT_MET) from error
    _tell(None, output)


def _tell(refused: RefusedError | None, output: Format) -> None:
    verdict = {
        "verdict": "accept" if refused is None else "reject",
        "at_repo": refused and refused.repo,
        "at_role": refused and refused.role,
        "reason": refused and refused.reason.value,
    }
    if output is Format.JSON:
        sys.stdout.write(json.dumps(verdict) + "\n")
    else:
        show([verdict], output)
