"""Plays the demo from an empty folder to report.json: engines, workers, story, report."""

import json
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final

import yaml

from consumers.clickhouse.client import ClickHouseError
from infra.clickhouse.migrate import apply
from infra.demo.pager import Pager
from infra.demo.screen import Screen, screen_for
from infra.demo.story import Story
from infra.demo.summary import summary
from infra.kafka.admin import AdminError
from infra.kafka.errors import DeliveryError, LogChangedError, LogReadError
from infra.keys import make_keys
from infra.settings import Settings
from infra.stack.child import ChildDiedError
from infra.stack.data_dir import DataDirBusyError
from infra.stack.engine import MissingEngineError
from infra.stack.spec import StackSpec
from infra.stack.stack import Stack
from producers.scenario import load

HERE: Final = Path(__file__).parent

STOPS: Final = (
    AdminError,
    ChildDiedError,
    ClickHouseError,
    DataDirBusyError,
    DeliveryError,
    LogChangedError,
    LogReadError,
    MissingEngineError,
)
"""What an engine or a worker may do to end the story, each with a sentence of its own."""


class DemoError(RuntimeError):
    """The story could not be played to its end; the message says where it stopped."""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What to play on.

    Attributes:
        frames: Recorded pictures instead of the rendered camera.
        folder: Emptied at the start; keeps data, logs and report.json.
        limit_s: The story is given up after this time.
    """

    broker: str
    clickhouse: str
    registry: str
    frames: Path | None
    folder: Path
    limit_s: float


def play(options: DemoOptions) -> bool:
    """Play the story and write the report; whether all its promises were kept.

    Raises:
        DemoError: It could not be played to its end.
    """
    folder = _emptied(options.folder.absolute())
    started = time.monotonic()
    with (
        _stoppable(),
        screen_for(stream_is_terminal=sys.stdout.isatty()) as screen,
        Pager() as pager,
    ):
        scenario_file = _scenario(folder, options.frames)
        scenario = load(scenario_file)
        base = _settings(scenario_file, folder, pager)
        spec = StackSpec(options.broker, options.clickhouse, options.registry)
        try:
            with Stack(spec, folder / "stack", base=base, progress=screen.say) as stack:
                ready = time.monotonic()
                apply(stack.settings.clickhouse)
                story = Story(stack, scenario, screen, pager, started=started, ready=ready)
                with story:
                    report = story.play(started + options.limit_s)
        except (*STOPS, OSError, ValueError) as error:
            raise DemoError(str(error)) from error
        return _finish(screen, report, folder)


def _emptied(folder: Path) -> Path:
    if folder.exists() and any(folder.iterdir()) and not (folder / "stack").exists():
        raise DemoError(f"{folder} holds something else; name an empty folder with --folder")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _settings(scenario_file: Path, folder: Path, pager: Pager) -> Settings:
    make_keys(folder / "keys")
    return Settings(
        keys_dir=folder / "keys",
        policy_file=HERE / "policy.yaml",
        slo_file=HERE / "slo.yaml",
        dataset_file=HERE / "dataset.yaml",
        scenario_file=scenario_file,
        webhook_url=pager.url,
        checkpoint_interval_s=5.0,
    )


def _scenario(folder: Path, frames: Path | None) -> Path:
    """The demo's scenario; with recorded pictures a copy of it that names them."""
    if frames is None:
        return HERE / "scenario.yaml"
    if not frames.exists():
        raise DemoError(f"--frames {frames}: no such file or folder")
    scenario: dict[str, Any] = yaml.safe_load((HERE / "scenario.yaml").read_text())
    scenario["camera"] = str(frames.absolute())
    path = folder / "scenario.yaml"
    path.write_text(yaml.safe_dump(scenario, sort_keys=False))
    return path


@contextmanager
def _stoppable() -> Iterator[None]:
    """TERM ends the demo the way Ctrl-C does, so that nothing is left running."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _finish(screen: Screen, report: Mapping[str, Any], folder: Path) -> bool:
    path = folder / "report.json"
    path.write_text(json.dumps(report, indent=2) + "\n")
    screen.say("")
    for promise in report["promises"]:
        mark = "kept  " if promise["kept"] else "BROKEN"
        screen.say(
            f"{mark} {promise['name']}" + ("" if promise["kept"] else f": {promise['found']}")
        )
    for line in summary(report):
        screen.say(line)
    seconds = report["seconds"]
    screen.say(
        f"engines ready after {seconds['engines_ready']} s, first decision "
        f"{seconds['first_decision']} s later, {seconds['total']} s in all, "
        f"peak {report['peak_rss_mb']} MB resident"
    )
    screen.say(f"logs and data: {folder / 'stack'}")
    screen.say(f"report: {path}")
    return all(promise["kept"] for promise in report["promises"])
