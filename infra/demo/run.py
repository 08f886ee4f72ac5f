"""Plays the demo from an empty folder to report.json: engines, workers, story, report."""

import json
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import yaml

from infra.demo.pager import Pager
from infra.demo.screen import Screen, screen_for
from infra.demo.story import Story
from infra.demo.summary import summary
from infra.objects import ObjectStore
from infra.settings import Settings
from infra.stack.data_dir import LOCK, hold
from infra.stack.signals import terminable
from infra.stack.spec import StackSpec
from infra.stack.stack import Stack
from infra.trust.people import People
from producers.scenario.file import load

HERE: Final = Path(__file__).parent
STACK: Final = "stack"


class FolderError(ValueError):
    """A folder that was named cannot be used; the message names it and the option."""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What to play on.

    Attributes:
        frames: Recorded pictures instead of the rendered camera.
        folder: Emptied at the start; keeps data, logs and report.json.
        limit_s: The story is given up after this time, and before when it stands still.
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
        FolderError: A folder of the options cannot be used.
        StoryError: The story did not come to its end.
    """
    spec = StackSpec(options.broker, options.clickhouse, options.registry).checked()
    folder = emptied(options.folder.absolute())
    started = time.monotonic()
    with terminable(), screen_for(sys.stdout.isatty()) as screen, Pager() as pager:
        scenario_file = _scenario(folder, options.frames)
        scenario = load(scenario_file)
        base = _settings(scenario_file, folder, pager)
        people = People(folder / "offline")
        people.found(base.keys_dir, ObjectStore(base.objects_url), datetime.now(UTC))
        try:
            with Stack(spec, folder / STACK, base=base, progress=screen.say) as stack:
                ready = time.monotonic()
                with Story(
                    stack, scenario, screen, pager, people, started=started, ready=ready
                ) as story:
                    report = story.play(options.limit_s)
        except KeyboardInterrupt:
            screen.say(f"stopped; nothing is left running, logs are in {folder / STACK / 'logs'}")
            raise
        return _finish(screen, report, folder)


def emptied(folder: Path) -> Path:
    """The folder, without what an earlier run left; nobody else's is touched.

    Raises:
        FolderError: It holds what no demo made.
        DataDirBusyError: A demo that runs uses it.
    """
    stack = folder / STACK
    if folder.exists() and any(folder.iterdir()) and not (stack / LOCK).is_file():
        raise FolderError(
            f"{folder}: not empty, and not of an earlier demo; name another with --folder"
        )
    with hold(stack):
        for path in (*folder.iterdir(), *stack.iterdir()):
            if path.is_dir() and path != stack:
                shutil.rmtree(path)
            elif path.is_file() and path != stack / LOCK:
                path.unlink()
    return folder


def _settings(scenario_file: Path, folder: Path, pager: Pager) -> Settings:
    """What the story decides; how engines are reached is left to the environment."""
    return Settings(
        objects_url=f"file://{folder / STACK / 'objects'}",
        metrics_port=None,
        adopt_new_topic=False,
        keys_dir=folder / "keys",
        policy_file=HERE / "policy.yaml",
        slo_file=HERE / "slo.yaml",
        dataset_file=HERE / "dataset.yaml",
        scenario_file=scenario_file,
        oncall_file=_oncall(folder, pager),
        checkpoint_interval_s=5.0,
    )


def _oncall(folder: Path, pager: Pager) -> Path:
    """The demo's on-call file, with the address of its pager."""
    told: dict[str, Any] = yaml.safe_load((HERE / "oncall.yaml").read_text())
    told["receivers"].append({"name": "pager", "kind": "webhook", "url": pager.url})
    path = folder / "oncall.yaml"
    path.write_text(yaml.safe_dump(told, sort_keys=False))
    return path


def _scenario(folder: Path, frames: Path | None) -> Path:
    """The demo's scenario; with recorded pictures a copy of it that names them."""
    if frames is None:
        return HERE / "scenario.yaml"
    if not frames.exists():
        raise FolderError(f"--frames {frames}: no such file or folder")
    scenario: dict[str, Any] = yaml.safe_load((HERE / "scenario.yaml").read_text())
    scenario["camera"] = str(frames.absolute())
    path = folder / "scenario.yaml"
    path.write_text(yaml.safe_dump(scenario, sort_keys=False))
    return path


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
    screen.say(f"logs and data: {folder / STACK}")
    screen.say(f"report: {path}")
    return all(promise["kept"] for promise in report["promises"])
