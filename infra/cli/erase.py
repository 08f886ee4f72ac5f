"""`fleetloop erase`: have everything that is kept of a device forgotten."""

import time
from typing import Annotated, Final

import typer

from infra.cli.erasures import find, row
from infra.cli.output import Exit, Format, FormatOption, fail, say, show
from infra.erasures import State, Status, order
from infra.kafka.publisher import Publisher
from infra.settings import Settings
from schemas.codec import Codec
from schemas.registry import registry_from
from schemas.topics import ERASURES
from schemas.validation import check

app = typer.Typer()

_LOOK_EVERY_S: Final = 1.0


@app.command()
def erase(
    device: Annotated[str, typer.Option("--device", help="Id of the device.")],
    by: Annotated[str, typer.Option("--by", help="Who orders it.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, in your words.")],
    wait: Annotated[bool, typer.Option("--wait", help="Until all of it is gone.")] = False,
    timeout_s: Annotated[float, typer.Option(help="Wait at most so long.", min=1)] = 900.0,
    output: FormatOption = Format.TABLE,
) -> None:
    """Erase a device: what was recorded until now. With --wait exit code 5 when it takes longer.

    Carried out by `fleetloop worker run erasure`; `fleetloop erasures get` tells how far it is.
    """
    for name, value in (("--device", device), ("--by", by), ("--reason", reason)):
        if not value.strip():
            fail(f"{name} must not be empty", Exit.USAGE)
    settings = Settings()
    codec = Codec(registry_from(settings.registry_url))
    now_us = time.time_ns() // 1_000
    record = order(device, by=by, reason=reason, now_us=now_us)
    check(ERASURES, record, now_us)
    with Publisher(settings.kafka, codec, "fleetloop") as publisher:
        publisher.publish(ERASURES, record)
    say(f"erasure {record.event_id} of device {device} is ordered; it cannot be taken back")
    if wait:
        status = _waited(settings, device, record.event_id, timeout_s)
        if status.progress is not None and not status.progress.records:
            say(f"nothing of device {device} was found: is the id right?")
        show([row(status)], output)


def _waited(settings: Settings, device: str, erasure_id: str, timeout_s: float) -> Status:
    deadline = time.monotonic() + timeout_s
    while True:
        status = find(settings, device)
        superseded = status is not None and status.order.event_id != erasure_id
        if status is not None and (status.state is State.DONE or superseded):
            return status
        if time.monotonic() > deadline:
            fail(
                f"device {device} is not erased after {timeout_s:g} s "
                f"({status.state if status else State.REQUESTED}): look whether `fleetloop worker "
                "run erasure` and the sink run; it goes on without this command",
                Exit.TIMED_OUT,
            )
        time.sleep(_LOOK_EVERY_S)
