"""`fleetloop slo export`: the same SLOs for Prometheus and for Grafana."""

from pathlib import Path
from typing import Annotated

import typer

from infra.cli.output import Exit, fail, say
from infra.grafana.slo_board import board
from streams.slo import slo_file
from streams.slo.prometheus.files import files
from streams.slo.prometheus.rules import NotForPrometheusError


def export(
    slo: Annotated[Path | None, typer.Option(help="SLO file; the one that ships")] = None,
    prometheus: Annotated[
        Path | None, typer.Option(help="folder for rules and promtool tests, two files an SLO")
    ] = None,
    grafana: Annotated[Path | None, typer.Option(help="folder for the dashboard")] = None,
) -> None:
    """Write rules, tests of the rules and a dashboard. Files of the same names are replaced."""
    if prometheus is None and grafana is None:
        fail("write --prometheus DIR, --grafana DIR, or both", Exit.USAGE)
    slos = slo_file.load(slo)
    try:
        made = [] if prometheus is None else [(prometheus, *file) for file in files(slos)]
    except NotForPrometheusError as error:
        fail(str(error))
    if grafana is not None:
        made.append((grafana, "slo.json", board(slos)))
    for folder, name, text in made:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
        say(f"written: {folder / name}")
