"""`fleetloop datasets`: what the dataset lines hold, and how a line begins."""

import os
import time
from typing import Annotated, Any

import typer

from infra.cli.dataset_building import build
from infra.cli.dataset_files import audit, diff, export
from infra.cli.dataset_log import read_datasets
from infra.cli.output import Exit, Format, FormatOption, fail, say, show
from infra.kafka.publisher import Publisher
from infra.objects import ObjectStore
from infra.settings import Settings
from producers.camera.open import open_camera
from producers.scenario.file import load
from producers.seed_dataset import publish_seed
from schemas.codec import Codec
from schemas.records import DatasetManifest
from schemas.registry import registry_from

app = typer.Typer(no_args_is_help=True, help="Look at datasets, compare, audit and export them.")
app.command()(build)
app.command()(diff)
app.command()(audit)
app.command()(export)


@app.command("list")
def list_(output: FormatOption = Format.TABLE) -> None:
    """Every step of every dataset line, in log order."""
    show([_row(record) for record in read_datasets(Settings()).steps], output)


@app.command()
def get(
    dataset_id: Annotated[str, typer.Argument(help="the dataset")],
    output: FormatOption = Format.TABLE,
) -> None:
    """One dataset in full. Contents, cost, what was left out, lineage."""
    last = read_datasets(Settings()).of(dataset_id)[-1]
    rows: list[dict[str, Any]] = [
        {"what": name, "value": value}
        for name, value in (
            *_row(last).items(),
            ("manifest", last.manifest_uri),
            ("digest", last.manifest_digest),
            *((f"examples {name}", count) for name, count in last.counts.items()),
            *((f"left out: {name}", count) for name, count in last.excluded.items()),
            *(
                (f"{r.topic}/{r.partition}", f"offsets {r.first_offset} to {r.last_offset}")
                for r in last.inputs
            ),
        )
    ]
    show(rows, output)


@app.command()
def seed(
    line: Annotated[
        str, typer.Option(help="its name; releases are called after it")
    ] = "perception",
) -> None:
    """Begin a line with a labelled test drive of the scenario, for the trainer's release 1."""
    settings = Settings()
    if settings.scenario_file is None:
        fail("datasets seed: no scenario; set FLEETLOOP_SCENARIO_FILE", Exit.USAGE)
    camera = open_camera(load(settings.scenario_file))
    if any(step.line == line for step in read_datasets(settings).steps):
        fail(f"line {line} has begun; see: fleetloop datasets list", Exit.CONDITION_NOT_MET)
    codec = Codec(registry_from(settings.registry_url))
    with Publisher(settings.kafka, codec, f"fleetloop.datasets-{os.getpid()}") as publisher:
        objects, now_us = ObjectStore(settings.objects_url), time.time_ns() // 1_000
        record = publish_seed(camera, objects, publisher, line=line, now_us=now_us)
    say(f"{record.dataset_id}: {sum(record.counts.values())} labelled encounters")


def _row(record: DatasetManifest) -> dict[str, Any]:
    return {
        "line": record.line,
        "seq": record.seq,
        "kind": record.kind.value,
        "dataset_id": record.dataset_id,
        "parent": record.parent,
        "examples": sum(record.counts.values()),
        "paid": record.label_cost,
        "budget": record.budget,
    }
