"""`fleetloop drift`: where releases still answer as on their own validation, and where not."""

from typing import Annotated, Any

import typer

from infra.cli.log import read_book, read_whole
from infra.cli.output import Exit, Format, FormatOption, fail, show
from infra.settings import Settings
from schemas import moments
from schemas.topics import DRIFT_PARTIALS
from streams.drift.standing import Standing, standings
from streams.drift.validations import Validations
from streams.drift.wording import compared

app = typer.Typer(no_args_is_help=True, help="See where releases drift.")


@app.callback()
def drift() -> None:
    """Answers on the road against each release's own validation."""


@app.command()
def status(
    release: Annotated[str | None, typer.Option("--release", help="Only this release.")] = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Every release, region and hardware: drifted or not, by what, and how much is known."""
    settings = Settings()
    validations = Validations()
    for view in read_book(settings).releases.values():
        validations.observe(view.proposal)
    found = standings(read_whole(settings, DRIFT_PARTIALS), validations)
    if not found:
        fail(
            "no answer was counted yet: is a `fleetloop worker run drift` running, and do devices "
            "report?",
            Exit.CONDITION_NOT_MET,
        )
    rows = [_row(one) for one in found if release in (None, one.place.release_id)]
    if not rows:
        known = ", ".join(sorted({one.place.release_id for one in found}))
        fail(
            f"no answer of release {release!r} was counted; there are: {known}",
            Exit.CONDITION_NOT_MET,
        )
    show(rows, output)


def _row(one: Standing) -> dict[str, Any]:
    held = one.held
    row: dict[str, Any] = {**one.place._asdict(), "standing": one.verdict.value}
    if held is None:
        return row | {"since": None, "encounters": None, "evidence": None, "why": one.why_not}
    return row | {
        "since": None if held.shift is None else moments.spell(held.shift.since_us),
        "encounters": round(held.encounters),
        "evidence": f"{held.nats:.1f} of {held.threshold:.1f} nats",
        "why": compared(held) if held.looks else "fewer than 25 encounters were answered",
    }
