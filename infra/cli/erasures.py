"""`fleetloop erasures`: which devices were erased, and what is done of it."""

from typing import Annotated, Any

import typer

from consumers.clickhouse.client import native
from consumers.erasure.steps import progress
from infra.cli.log import read_whole
from infra.cli.output import Exit, Format, FormatOption, fail, show
from infra.erasures import State, Status, statuses
from infra.settings import Settings
from schemas import moments
from schemas.topics import ERASURES

app = typer.Typer(no_args_is_help=True, help="Look at erasures.")


@app.command("list")
def list_(output: FormatOption = Format.TABLE) -> None:
    """The newest erasure of every device."""
    show([row(status) for status in _all(Settings())], output)


@app.command()
def get(
    device: Annotated[str, typer.Argument(help="Id of the device.")],
    output: FormatOption = Format.TABLE,
) -> None:
    """The newest erasure of one device; exit code 3 when there is none or it is not done."""
    status = find(Settings(), device)
    if status is None:
        fail(f"no erasure of device {device}", Exit.CONDITION_NOT_MET)
    show([row(status)], output)
    if status.state is not State.DONE:
        raise typer.Exit(Exit.CONDITION_NOT_MET)


def find(settings: Settings, device: str) -> Status | None:
    """The newest erasure of a device, if there is one."""
    found = (status for status in _all(settings) if status.order.device_id == device)
    return next(found, None)


def row(status: Status) -> dict[str, Any]:
    """One erasure as the commands show it."""
    done = status.progress
    return {
        "device_id": status.order.device_id,
        "erasure_id": status.order.event_id,
        "state": status.state.value,
        "covers_until": moments.spell(status.until_us),
        "completed_at": _completed(status),
        "by": status.order.by,
        "reason": status.order.reason,
        "records": dict(done.records) if done else {},
        "pictures": len(done.step.objects) if done else 0,
        "pictures_shared": done.step.shared if done else 0,
        "datasets_built_before": list(done.step.datasets) if done else [],
        "releases_trained_before": list(done.step.releases) if done else [],
    }


def _completed(status: Status) -> str | None:
    at = status.progress.completed_at if status.progress else None
    return None if at is None else moments.spell(moments.micros(at))


def _all(settings: Settings) -> list[Status]:
    facts = read_whole(settings, ERASURES)
    with native(settings.clickhouse) as client:
        return statuses(facts, progress(client))
