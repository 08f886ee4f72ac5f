"""`fleetloop models`: what model files are worth."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from infra.cli.output import Format, FormatOption, say, show, show_whole
from producers.scoring import read_labelled, score

app = typer.Typer(no_args_is_help=True, help="Measure model files.")


@app.callback()
def models() -> None:
    """Measure model files."""


@app.command()
def evaluate(
    model: Annotated[Path, typer.Argument(help="An ONNX file as the trainer makes them.")],
    pictures: Annotated[Path, typer.Option("--pictures", help="An .npz of labelled pictures.")],
    output: FormatOption = Format.TABLE,
) -> None:
    """How often a model is right. Arrays: images uint8 [N,32,32,3], labels, optional weight.

    Labels are names of classes, or indexes into the model's own.
    """
    found = score(model.read_bytes(), read_labelled(pictures))
    if output is Format.JSON:
        show_whole(asdict(found))
        return
    say(
        f"{found.pictures} pictures: accuracy {found.accuracy:.4f}, mean of the classes "
        f"{found.mean_per_class:.4f}; {found.unknown} of classes that the model does not have"
    )
    rows = [{"class": name, "right": round(share, 4)} for name, share in found.per_class.items()]
    show(rows, output)
