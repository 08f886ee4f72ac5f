"""`fleetloop datasets`: what the dataset lines hold."""

from typing import Annotated, Any

import typer

from infra.cli.log import read_whole
from infra.cli.output import Exit, Format, FormatOption, fail, show
from infra.settings import Settings
from schemas.dataset_lines import LineBook
from schemas.records import DatasetManifest
from schemas.topics import DATASET_MANIFESTS

app = typer.Typer(no_args_is_help=True, help="Look at datasets.")


@app.command("list")
def list_(output: FormatOption = Format.TABLE) -> None:
    """Every step of every dataset line, in log order."""
    show([_row(record) for record in _valid_steps()], output)


@app.command()
def get(
    dataset_id: Annotated[str, typer.Argument(help="the dataset")],
    output: FormatOption = Format.TABLE,
) -> None:
    """One dataset in full. Contents, cost, what was left out, lineage."""
    found = [record for record in _valid_steps() if record.dataset_id == dataset_id]
    if not found:
        fail(f"no dataset {dataset_id}; see: fleetloop datasets list", Exit.CONDITION_NOT_MET)
    last = found[-1]
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


def _valid_steps() -> list[DatasetManifest]:
    book = LineBook()
    facts = read_whole(Settings(), DATASET_MANIFESTS)
    return [fact.record for fact in facts if book.observe(fact.record, fact.stamp_us)]


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
