"""`fleetloop device consent|postpone`: the owner of a device process answers what it offers."""

import time
from pathlib import Path
from typing import Annotated

import typer

from infra.cli.output import Exit, fail, say
from producers.device.client import owner_file
from producers.device.client.attempt import Attempt, Phase
from producers.device.client.files import FolderFiles
from producers.device.client.layout import STATE
from producers.device.flash_json import FlashError, from_json
from producers.device.postponement import Postponing

State = Annotated[
    Path,
    typer.Option(exists=True, file_okay=False, help="folder of the device, as device run has it"),
]


def consent(state: State) -> None:
    """Say yes to the update that the device offers; it begins when all else holds."""
    _leave(state, _offered(state), None)


def postpone(
    state: State,
    hours: Annotated[float, typer.Option(min=0.0, help="how long; a day at most")] = 24.0,
) -> None:
    """Put the offered update off: three times, and a week in all."""
    offered = _offered(state)
    try:
        offered.consent.postpone(Postponing(), hours * 3_600, time.time_ns() // 1_000)
    except ValueError as error:
        fail(str(error), Exit.CONDITION_NOT_MET)
    _leave(state, offered, hours * 3_600)


def _offered(state: Path) -> Attempt:
    """The attempt that waits for the owner; without one the command ends."""
    body = FolderFiles(state).read(STATE)
    if body is None:
        fail(f"{state}: no device runs there; see: fleetloop device run --state", Exit.USAGE)
    try:
        (flash,) = from_json(body).values()
    except (FlashError, ValueError) as error:
        fail(f"{state / STATE}: {error}")
    attempt = flash.attempt
    if attempt is None or attempt.phase is not Phase.OFFER:
        fail("the device offers no update now", Exit.CONDITION_NOT_MET)
    if attempt.consent.asked_us is None:
        fail("the device asks no owner; run it with --asks", Exit.CONDITION_NOT_MET)
    return attempt


def _leave(state: Path, offered: Attempt, later_s: float | None) -> None:
    release_id = offered.wanted.model.release_id
    owner_file.say(FolderFiles(state), owner_file.Word(release_id=release_id, later_s=later_s))
    told = "consented" if later_s is None else f"put off by {later_s / 3_600:g} h"
    say(f"{release_id}: {told}; the device takes it at its next look")
