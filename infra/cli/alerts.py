"""`fleetloop alerts`: what fires, what fired and why, who has taken it, and who is told."""

import json
import math
import sys
import time
from typing import Annotated, Any, Final

import typer

from consumers.oncall.oncall_file import load
from consumers.oncall.outbox import deliveries
from consumers.oncall.steps import Step
from consumers.oncall.trial import trial
from infra.cli import alert_desk, silences
from infra.cli.alert_desk import Desk, now_us
from infra.cli.alert_rows import alert_row, delivery_row, desk_row, details
from infra.cli.output import Exit, Format, FormatOption, fail, say, show
from infra.cli.silences import By, Comment
from infra.objects import ObjectStore
from infra.settings import Settings

POLL_S: Final = 0.1

app = typer.Typer(no_args_is_help=True, help="Look at alerts, take them, silence them.")
app.add_typer(silences.app, name="silence")

Identity = Annotated[str, typer.Argument(help="alert id, or fingerprint for its last episode")]


@app.command("list")
def list_(
    output: FormatOption = Format.TABLE,
    *,
    firing: Annotated[bool, typer.Option("--firing", help="only what goes on now")] = False,
) -> None:
    """Every episode and its state, the oldest first."""
    desk, at_us = alert_desk.read(Settings()), now_us()
    steps = [step for step in desk.episodes() if step.open or not firing]
    show([desk_row(step.alert, desk, at_us) for step in steps], output, empty="no alert")


@app.command()
def get(identity: Identity, output: FormatOption = Format.TABLE) -> None:
    """One alert in full. Burn by window, latency, suspects, exemplars, and who was told when."""
    settings = Settings()
    desk = alert_desk.read(settings)
    found = desk.find(identity)
    if found is None:
        fail(f"no alert {identity}; see: fleetloop alerts list", Exit.CONDITION_NOT_MET)
    alert = found.alert
    rows: list[tuple[str, Any]] = details(alert)
    row = desk_row(alert, desk, now_us())
    rows += [(name, row[name]) for name in ("held_back", "acked_by") if row[name] is not None]
    rows += [
        delivery_row(one)
        for one in deliveries(ObjectStore(settings.objects_url))
        if alert.alert_id in {told.alert_id for told in one.alerts}
    ]
    show([{"what": name, "value": value} for name, value in rows], output)


@app.command()
def watch(
    identity: Annotated[
        str | None, typer.Argument(help="alert id or fingerprint; without it: every alert")
    ] = None,
    timeout_s: Annotated[
        float | None, typer.Option("--timeout", min=0, help="seconds after which it ends with 5")
    ] = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Show what goes on and each step as it comes, until Ctrl-C; one alert until it is resolved."""
    settings = Settings()
    desk, reader = alert_desk.empty(settings), alert_desk.follower(settings)
    deadline = math.inf if timeout_s is None else time.monotonic() + timeout_s
    try:
        for fact in reader.catch_up():
            desk.observe(fact)
        steps = [step for step in desk.open() if _named(step, identity)]
        while not (_over(desk, identity) or time.monotonic() > deadline):
            for step in steps:
                _tell(alert_row(step.alert), output)
            found = [desk.observe(fact) for fact in reader.poll(POLL_S)]
            steps = [step for step in found if step is not None and _named(step, identity)]
        for step in steps:
            _tell(alert_row(step.alert), output)
    except KeyboardInterrupt:
        return
    finally:
        reader.close()
    if identity is not None and not _over(desk, identity):
        fail(f"alert {identity} is not resolved after {timeout_s:g} s", Exit.TIMED_OUT)


@app.command()
def ack(
    identities: Annotated[list[str], typer.Argument(help="alert ids or fingerprints")],
    by: By,
    comment: Comment,
    *,
    undo: Annotated[bool, typer.Option("--undo", help="give it back: repeats go on")] = False,
) -> None:
    """Take alerts. They are not repeated until they end; the end is told, the next one anew."""
    settings, at_us = Settings(), now_us()
    desk = alert_desk.read(settings)
    controls = []
    for identity in identities:
        step = desk.find(identity)
        if step is None or not step.open:
            fail(
                f"no open alert {identity}; see: fleetloop alerts list --firing",
                Exit.CONDITION_NOT_MET,
            )
        taken = desk.holding.acknowledged(step.alert, at_us)
        if undo and taken is None:
            fail(f"alert {identity} was taken by nobody", Exit.CONDITION_NOT_MET)
        if undo and taken is not None:
            controls.append(alert_desk.ended(taken, by, comment, at_us))
        else:
            controls.append(alert_desk.acknowledgement(step, by, comment, at_us))
    alert_desk.write(settings, controls)
    say(f"{', '.join(identities)} {'given back' if undo else 'taken'} by {by}")


@app.command("test")
def send_test(output: FormatOption = Format.TABLE) -> None:
    """Send a test notification and its end to every receiver. 3: one refused, 4: no answer."""
    answers = trial(load(Settings().oncall_file), now_us())
    show([answer.row() for answer in answers], output)
    if any(answer.refused for answer in answers):
        fail("a receiver refused the test notification", Exit.CONDITION_NOT_MET)
    if any(answer.busy for answer in answers):
        fail("a receiver did not take the test notification", Exit.UNREACHABLE)


def _named(step: Step, identity: str | None) -> bool:
    return identity in (None, step.alert.alert_id, step.alert.fingerprint)


def _over(desk: Desk, identity: str | None) -> bool:
    found = None if identity is None else desk.find(identity)
    return found is not None and not found.open


def _tell(row: dict[str, Any], output: Format) -> None:
    """One line at once: a table cannot wait for its end."""
    if output is Format.JSON:
        line = json.dumps(row)
    else:
        line = "  ".join(str(value) for value in row.values() if value is not None)
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
