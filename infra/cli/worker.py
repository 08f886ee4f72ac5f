"""`fleetloop worker run NAME`: one worker process until SIGTERM or Ctrl-C."""

import logging
import sys
from collections.abc import Callable
from enum import StrEnum
from importlib import import_module
from typing import Annotated, Any, Final

import typer

from infra.cli.output import Exit, fail
from infra.settings import Settings

app = typer.Typer(help="Run one worker.", no_args_is_help=True)


class WorkerName(StrEnum):
    """Every worker there is."""

    SINK = "sink"
    ROLLOUT = "rollout"
    SLO = "slo"
    DRIFT = "drift"
    DATASET = "dataset"
    TRAINER = "trainer"
    REVIEWER = "reviewer"
    ONCALL = "oncall"
    WATCH = "watch"
    CANARY = "canary"
    ERASURE = "erasure"
    DIRECTOR = "director"


# Imported when asked for: each worker carries only the libraries of its own work.
PROCESSORS: Final = {
    WorkerName.ROLLOUT: "streams.rollout.agent:processor",
    WorkerName.SLO: "streams.slo.agent:processor",
    WorkerName.WATCH: "streams.watch.agent:processor",
    WorkerName.DRIFT: "streams.drift.agent:processor",
    WorkerName.DATASET: "streams.dataset.agent:processor",
}
LOOPS: Final = {
    WorkerName.CANARY: "streams.watch.canary:run",
    WorkerName.SINK: "consumers.clickhouse.sink:run",
    WorkerName.ONCALL: "consumers.oncall.notifier:run",
    WorkerName.TRAINER: "producers.trainer:run",
    WorkerName.REVIEWER: "producers.reviewer:run",
    WorkerName.ERASURE: "consumers.erasure.worker:run",
    WorkerName.DIRECTOR: "infra.trust.director:run",
}


@app.callback()
def workers() -> None:
    """Workers decide, store and notify; each is one process."""


@app.command()
def run(
    name: Annotated[WorkerName, typer.Argument(help="Which worker.")],
    adopt_new_topic: Annotated[
        bool,
        typer.Option(
            "--adopt-new-topic",
            help="Start afresh where the log is not the one of the state found.",
        ),
    ] = False,
    log_level: Annotated[str, typer.Option(help="DEBUG, INFO, WARNING or ERROR.")] = "INFO",
) -> None:
    """Run a worker until TERM or Ctrl-C. Settings come from FLEETLOOP_* variables."""
    _log_to_stderr(log_level)
    settings = Settings()
    if adopt_new_topic:
        settings = settings.model_copy(update={"adopt_new_topic": True})
    raise typer.Exit(_run(name, settings))


def _run(name: WorkerName, settings: Settings) -> int:
    if name in LOOPS:
        _entry(LOOPS[name])(settings)
        return Exit.OK
    made = _entry(PROCESSORS[name])
    try:
        processor = made(settings)
    except ValueError as error:  # a policy, an SLO file or a key that cannot be used
        fail(f"worker {name}: {error}", Exit.USAGE)
    return int(_entry("streams.worker:run")(processor, settings))


def _entry(place: str) -> Callable[..., Any]:
    module, _, name = place.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found


def _log_to_stderr(level: str) -> None:
    known = logging.getLevelNamesMapping()
    if level.upper() not in known:
        fail(f"log level {level!r} is none of {', '.join(known)}", Exit.USAGE)
    logging.basicConfig(
        level=logging.WARNING,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    for package in ("fleetloop", "schemas", "streams", "producers", "consumers", "infra"):
        logging.getLogger(package).setLevel(known[level.upper()])
    for glue in ("streams.app", "streams.record_batches"):  # Faust logs by our class names
        logging.getLogger(glue).setLevel(logging.WARNING)
