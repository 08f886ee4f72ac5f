"""`fleetloop slo list`, `get`, `explain` and `budget`: where every SLO stands by the log."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from infra.cli.log import read_whole
from infra.cli.output import Exit, Format, FormatOption, fail, show
from infra.cli.slo_rows import budget_row, explained, promise, standing_row, window_rows
from infra.keys import load_keyring
from infra.settings import Settings
from schemas.decisions import ReleaseBook
from schemas.records import ModelRelease
from schemas.topics import MODEL_RELEASES, SLO_PARTIALS
from streams.slo import slo_file
from streams.slo.objectives import Slo
from streams.slo.standing import Standing, UnknownIdentityError, named, standings
from streams.withdrawals import Withdrawal, withdrawal

FileOption = Annotated[
    Path | None, typer.Option("--slo", help="SLO file; the one of FLEETLOOP_SLO_FILE")
]


def list_(slo: FileOption = None, output: FormatOption = Format.TABLE) -> None:
    """Every key of every SLO: the budget it has left, its fastest burn and its alerts."""
    show([standing_row(one) for one in _standings(slo)], output)


def get(
    name: Annotated[str, typer.Argument(help="name of an SLO of the file")],
    slo: FileOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """What an SLO promises, when it alerts, and what each tier takes to fire."""
    found = {one.name: one for one in _slos(Settings(), slo)}
    if name not in found:
        fail(f"no SLO {name!r} in the file; there are: {', '.join(found)}", Exit.CONDITION_NOT_MET)
    show([{"what": what, "value": value} for what, value in promise(found[name])], output)


def explain(
    key: Annotated[str, typer.Argument(help="as `slo list` prints it: SLO/value/value")],
    slo: FileOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Counts, burn and threshold of each window, and what would make the alert fire or clear."""
    found = _named(_standings(slo), key)
    told = explained(found)
    if output is Format.JSON:
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
        return
    show([row for tier in told["tiers"] for row in window_rows(tier)], output)
    show(
        [{"what": name, "value": value} for name, value in told.items() if name != "tiers"], output
    )


def budget(
    key: Annotated[str | None, typer.Argument(help="SLO or SLO/value/value")] = None,
    slo: FileOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """The error budget of each key: what is left, and how long it lasts at the present burn."""
    rows = [
        budget_row(one)
        for one in _standings(slo)
        if key is None or key in {one.identity, one.explanation.slo.name}
    ]
    if key is not None and not rows:
        fail(f"no SLO and no key {key!r}; see: fleetloop slo list", Exit.CONDITION_NOT_MET)
    show(rows, output)


def _standings(path: Path | None) -> list[Standing]:
    settings = Settings()
    slos = _slos(settings, path)
    releases = ReleaseBook(load_keyring(settings.keys_dir))
    gone: dict[Withdrawal, int] = {}
    for fact in read_whole(settings, MODEL_RELEASES):
        if isinstance(fact.record, ModelRelease):
            release = withdrawal(releases, fact, fact.record)
            if release is not None:
                gone[release] = max(fact.stamp_us, gone.get(release, 0))
    found = standings(slos, read_whole(settings, SLO_PARTIALS), gone)
    if not found:
        fail(
            "no event of these SLOs was counted yet: is a `fleetloop worker run slo` running, and "
            "do devices report?",
            Exit.CONDITION_NOT_MET,
        )
    return found


def _slos(settings: Settings, path: Path | None) -> tuple[Slo, ...]:
    return slo_file.load(path or settings.slo_file)


def _named(found: Sequence[Standing], key: str) -> Standing:
    try:
        return named(found, key)
    except UnknownIdentityError as error:
        fail(f"{error}; see: fleetloop slo list", Exit.CONDITION_NOT_MET)
