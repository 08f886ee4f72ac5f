"""`fleetloop models`: which models there are, and what they are worth."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from infra.cli.output import Format, FormatOption, say, show, show_whole
from schemas.records import ModelRelease

app = typer.Typer(no_args_is_help=True, help="Look at models, measure and compare them.")

Pictures = Annotated[Path, typer.Option("--pictures", help="An .npz of labelled pictures.")]


@app.command("list")
def list_(output: FormatOption = Format.TABLE) -> None:
    """The model of every release, oldest first, with what its card says."""
    from infra.cli.model_files import Models  # noqa: PLC0415 - loads onnxruntime

    show([_row(view.proposal) for view in Models().book.releases.values()], output)


@app.command()
def get(
    release_id: Annotated[str, typer.Argument(help="the release")],
    output: FormatOption = Format.TABLE,
) -> None:
    """One model's card, and the erasures by which it is affected: it learnt from what they took."""
    from infra.cli.model_files import Models  # noqa: PLC0415 - loads onnxruntime

    models = Models()
    found = models.card(release_id)
    if output is Format.JSON:
        show_whole(found)
        return
    told = {**_row(models.release(release_id)[0].proposal), **_from_card(found["card"])}
    for loss in found["erasures"]:
        told[f"erasure {loss['erasure_id']}"] = f"{loss['examples']} examples, at {loss['at']}"
    show([{"what": name, "value": value} for name, value in told.items()], output)


@app.command()
def evaluate(
    model: Annotated[Path, typer.Argument(help="An ONNX file as the trainer makes them.")],
    pictures: Pictures,
    output: FormatOption = Format.TABLE,
) -> None:
    """How often a model is right. Arrays: images uint8 [N,32,32,3], labels, optional weight.

    Instead of images there may be sounds, int16 [N,5120] at 8 kHz. Labels are names of
    classes, or indexes into the model's own.
    """
    from producers.scoring import read_labelled, score  # noqa: PLC0415 - loads onnxruntime

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


@app.command()
def compare(
    older: Annotated[str, typer.Argument(help="a release, or an ONNX file")],
    newer: Annotated[str, typer.Argument(help="a release, or an ONNX file")],
    pictures: Annotated[
        Path | None,
        typer.Option("--pictures", help="An .npz as of evaluate; array encounters groups them."),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option("--dataset", help="A dataset, of which the validation side.")
    ] = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Two models on the same pictures: accuracy, classes, slices, calibration.

    Differences are newer minus older, with 95 % intervals by bootstrap over encounters.
    """
    from infra.cli.model_files import Models, pictures_of  # noqa: PLC0415 - loads onnxruntime
    from producers.comparing import compared  # noqa: PLC0415 - loads onnxruntime

    models = Models()
    before, after = models.model(older), models.model(newer)
    found = compared(before, after, pictures_of(pictures, dataset, after))
    if output is Format.JSON:
        show_whole(asdict(found))
        return
    say(
        f"{found.older.pictures} pictures of {found.older.encounters} encounters; calibration "
        f"error over {found.calibration_bins} bins of confidence"
    )
    rows: list[dict[str, Any]] = [
        {
            "measure": "accuracy",
            "encounters": found.older.encounters,
            "older": found.older.mean,
            "newer": found.newer.mean,
            "difference": found.difference.mean,
            "low": found.difference.low,
            "high": found.difference.high,
        },
        {
            "measure": "calibration error",
            "encounters": found.older.encounters,
            "older": found.older.calibration_error,
            "newer": found.newer.calibration_error,
            "difference": found.newer.calibration_error - found.older.calibration_error,
            "low": None,
            "high": None,
        },
        *({"measure": name, **asdict(share)} for name, share in found.parts.items()),
    ]
    show([_rounded(row) for row in rows], output)


def _row(release: ModelRelease) -> dict[str, Any]:
    artifact = release.artifact
    measured = {
        name: None if (value := release.metrics.get(name)) is None else round(value, 4)
        for name in ("accuracy", "accuracy_low", "accuracy_high", "calibration_error")
    }
    return {
        "release_id": release.release_id,
        "class": release.device_class.value if release.device_class else None,
        "digest": artifact.digest if artifact else None,
        "bytes": artifact.bytes if artifact else None,
        "dataset_id": release.dataset_id,
        **measured,
    }


def _from_card(card: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a person reads of a card; `-o json` gives the whole."""
    if card is None:
        return {"card": "none: the release was made by hand"}
    held_back = card["held_back"] or card["validation"] or {"per_slice": {}, "per_class": {}}
    told = {
        "trained on": f"{card['training']['examples']} encounters",
        "classes": len(card["model"]["classes"]),
        **{f"slice {name}": round(at, 4) for name, at in held_back["per_slice"].items()},
        **{f"class {name}": round(at, 4) for name, at in held_back["per_class"].items()},
    }
    if (parent := card["parent"]) is not None:
        gain = parent["difference"]
        told[f"over {parent['release_id']}"] = (
            f"{gain['mean']:+.4f} [{gain['low']:+.4f}, {gain['high']:+.4f}]"
        )
    return told


def _rounded(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: round(value, 4) if isinstance(value, float) else value for name, value in row.items()
    }
