"""`fleetloop alerts silence`: what is not told for a while, by whom and why."""

import uuid
from typing import Annotated

import typer

from infra.cli import alert_desk
from infra.cli.alert_desk import Desk, now_us
from infra.cli.alert_rows import silence_row
from infra.cli.output import Exit, Format, FormatOption, fail, say, show
from infra.settings import Settings
from schemas import alert_controls, durations, moments
from schemas.records import AlertControl, ControlKind

app = typer.Typer(no_args_is_help=True, help="Silence alerts for a while.")

By = Annotated[str, typer.Option("--by", help="who, so that others can ask")]
Comment = Annotated[str, typer.Option("--comment", "-m", help="why, in one sentence")]


@app.command()
def add(
    matchers: Annotated[
        list[str], typer.Argument(help="hardware=HW3, slo!=a, region=~'eu-.*', release_id!~'r1.*'")
    ],
    by: By,
    comment: Comment,
    lasts: Annotated[str, typer.Option("--for", help="how long, for example 90m or 4h")] = "1h",
    start: Annotated[
        str | None, typer.Option("--from", help="RFC 3339; without it: from now on")
    ] = None,
) -> None:
    """Do not tell of alerts that all matchers hold for. An alert told before is told its end."""
    settings, at_us = Settings(), now_us()
    start_us = at_us if start is None else _moment(start)
    made = _silence(matchers, start_us, _lasts_us(lasts), by=by, comment=comment, at_us=at_us)
    if (problem := alert_controls.problem(made)) is not None:
        fail(problem, Exit.USAGE)
    desk = alert_desk.read(settings)
    alert_desk.write(settings, [made])
    row = silence_row(made, desk, at_us)
    say(f"{row['open_alerts']} alerts that are open now are meant; it ends at {row['end']}")
    typer.echo(made.control_id)


@app.command("list")
def list_(
    output: FormatOption = Format.TABLE,
    *,
    expired: Annotated[bool, typer.Option("--expired", help="those that are over too")] = False,
) -> None:
    """Every silence that holds or will, the first to end first."""
    desk, at_us = alert_desk.read(Settings()), now_us()
    rows = [silence_row(control, desk, at_us) for control in _silences(desk)]
    shown = [row for row in rows if expired or row["state"] != "expired"]
    show(sorted(shown, key=lambda row: str(row["end"])), output, empty="nothing is silenced")


@app.command()
def expire(
    ids: Annotated[list[str], typer.Argument(help="ids, see: fleetloop alerts silence list")],
    by: By,
    comment: Comment,
) -> None:
    """End silences now. What they held back and still fires is told."""
    settings = Settings()
    desk, at_us = alert_desk.read(settings), now_us()
    known = {
        control.control_id: control
        for control in _silences(desk)
        if silence_row(control, desk, at_us)["state"] != "expired"
    }
    if missing := [one for one in ids if one not in known]:
        fail(f"no silence {', '.join(missing)} that holds or will", Exit.CONDITION_NOT_MET)
    alert_desk.write(settings, [alert_desk.ended(known[one], by, comment, at_us) for one in ids])
    say(f"{', '.join(ids)} ended at {moments.spell(at_us)}")


def _silences(desk: Desk) -> list[AlertControl]:
    return [one for one in desk.holding.controls if one.kind is ControlKind.SILENCE]


def _silence(
    matchers: list[str], start_us: int, lasts_us: int, *, by: str, comment: str, at_us: int
) -> AlertControl:
    control_id = f"silence-{uuid.uuid4().hex[:12]}"
    try:
        read = tuple(alert_controls.matcher(one) for one in matchers)
    except ValueError as error:
        fail(str(error), Exit.USAGE)
    return AlertControl(
        event_id=f"{control_id}/{at_us}",
        source="live",
        control_id=control_id,
        kind=ControlKind.SILENCE,
        matchers=read,
        start_ts=start_us,
        end_ts=start_us + lasts_us,
        by=by,
        comment=comment,
    )


def _lasts_us(text: str) -> int:
    try:
        return durations.parse(text)
    except ValueError as error:
        fail(f"--for {error}", Exit.USAGE)


def _moment(text: str) -> int:
    try:
        return moments.parse(text)
    except ValueError as error:
        fail(f"--from {error}", Exit.USAGE)
