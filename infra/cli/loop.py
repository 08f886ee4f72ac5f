"""`fleetloop loop`: what chosen labels are worth, on pictures nobody trained on."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from infra.cli.output import Format, FormatOption, fail, say, show
from infra.learning.report import by_seed, summary
from infra.learning.site import Site, recorded, recorded_speech, rendered, synthesised_speech
from infra.learning.strategies import STRATEGIES
from infra.learning.trial import Trial, play
from producers.camera.camera import CameraError
from producers.camera.recording import read_recording
from producers.scoring import write_labelled
from producers.speech.recorded import read_voices

app = typer.Typer(no_args_is_help=True, help="Measure the learning loop without a log.")

BudgetOption = Annotated[int, typer.Option(min=1, help="Labels to pay, one for an encounter.")]
SeedsOption = Annotated[int, typer.Option(min=1, help="Seeds 0 to K-1; each deals anew.")]
StrategiesOption = Annotated[str, typer.Option(help=f"Of {', '.join(STRATEGIES)}.")]
OutOption = Annotated[Path, typer.Option(help="Folder for the model files and test frames.")]


@app.callback()
def loop() -> None:
    """Release 1, mining, labels, release 2, evaluation."""


@app.command()
def gtsrb(
    data: Annotated[
        Path, typer.Option(help="Folder with the recorded tracks (.npz, classes.csv).")
    ],
    budget: BudgetOption = 100,
    seeds: SeedsOption = 12,
    strategies: StrategiesOption = "ours,random",
    out: OutOption = Path("build/loop-gtsrb"),
    output: FormatOption = Format.TABLE,
) -> None:
    """On recorded approach tracks of real signs."""
    try:
        recording = read_recording(data)
    except CameraError as error:
        fail(str(error))
    _measure(lambda seed: recorded(recording, seed), budget, seeds, strategies, out, output)


@app.command("rendered")
def rendered_(
    budget: BudgetOption = 50,
    seeds: SeedsOption = 8,
    strategies: StrategiesOption = "ours,random",
    out: OutOption = Path("build/loop-rendered"),
    output: FormatOption = Format.TABLE,
) -> None:
    """On the rendered camera, for those who have no recording."""
    _measure(rendered, budget, seeds, strategies, out, output)


@app.command()
def digits(
    data: Annotated[
        Path | None,
        typer.Option(help="Folder with recorded digits (fsdd_subset.npz); else synthesised."),
    ] = None,
    budget: BudgetOption = 50,
    seeds: SeedsOption = 12,
    strategies: StrategiesOption = "ours,random",
    out: OutOption = Path("build/loop-digits"),
    output: FormatOption = Format.TABLE,
) -> None:
    """On spoken digits: robots hear speakers whom neither the drive nor the test has."""
    if data is None:
        _measure(synthesised_speech, budget, seeds, strategies, out, output)
        return
    try:
        voices = read_voices(data)
    except CameraError as error:
        fail(str(error))
    _measure(lambda seed: recorded_speech(voices, seed), budget, seeds, strategies, out, output)


def _measure(
    site: Callable[[int], Site],
    budget: int,
    seeds: int,
    strategies: str,
    out: Path,
    output: Format,
) -> None:
    names = _names(strategies)

    def one(seed: int) -> Trial:
        dealt = site(seed)
        trial = play(dealt, seed, budget, names)
        _leave(out / f"seed-{seed}", dealt, trial)
        say(
            f"seed {seed}: release 1 {trial.first.worth.accuracy:.4f}, "
            + ", ".join(
                f"{name} {release.worth.accuracy:.4f}" for name, release in trial.second.items()
            )
        )
        return trial

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        trials = list(pool.map(one, range(seeds)))
    _show(trials, budget, out, output)


def _leave(folder: Path, site: Site, trial: Trial) -> None:
    """The files by which `models evaluate` and `models compare` can check what is told."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "release-1.onnx").write_bytes(trial.first.model)
    for name, release in trial.second.items():
        (folder / f"release-2-{name}.onnx").write_bytes(release.model)
    labels = np.array(site.classes)[site.test.labels]
    write_labelled(folder / "test.npz", site.test, labels)


def _show(trials: Sequence[Trial], budget: int, out: Path, output: Format) -> None:
    first: dict[str, Any] = {
        measure: round(float(np.mean([getattr(one.first.worth, measure) for one in trials])), 4)
        for measure in ("accuracy", "mean_per_class", "hard")
    }
    rows = summary(trials)
    if output is Format.JSON:
        told = {
            "budget": budget,
            "seeds": len(trials),
            "release_1": first,
            "strategies": rows,
            "by_seed": by_seed(trials),
            "models": str(out),
        }
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
        return
    say(f"release 1: {first}; gains and differences as mean, low, high (95 %) over the seeds")
    show(rows, output)
    say(f"model files and test frames: {out}/seed-*")


def _names(text: str) -> list[str]:
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    unknown = sorted(set(names) - set(STRATEGIES))
    if unknown or not names:
        told = f"{', '.join(unknown)} is none of" if unknown else "name some of"
        fail(f"--strategies={text!r}: {told} {', '.join(STRATEGIES)}")
    return names
