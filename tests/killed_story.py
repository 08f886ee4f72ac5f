"""Plays the demo on real Kafka while workers are killed with kill -9 when the story says so."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil


@dataclass(frozen=True, slots=True)
class Played:
    """How a story ended: its exit status, what it told and its report."""

    status: int
    told: str
    report: Mapping[str, Any]

    @property
    def broken(self) -> list[Mapping[str, Any]]:
        """Promises that were not kept."""
        return [promise for promise in self.report["promises"] if not promise["kept"]]


def play(folder: Path, kills: Mapping[str, str]) -> Played:
    """Play the story in a folder.

    Args:
        folder: Keeps data, logs and report.
        kills: Words of a line of the story, and the worker that dies when they are told first.
    """
    command = [sys.executable, "-m", "infra.cli.main", "demo", "--broker", "kafka"]
    with subprocess.Popen(
        [*command, "--folder", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as demo:
        try:
            told = "".join(_killing(demo, dict(kills)))
        finally:
            demo.terminate()
    path = folder / "report.json"
    report = json.loads(path.read_text()) if path.exists() else {"promises": [], "deaths": {}}
    return Played(demo.returncode, told, report)


def _killing(demo: subprocess.Popen[str], waiting: dict[str, str]) -> Iterator[str]:
    assert demo.stdout is not None
    for line in demo.stdout:
        yield line
        for moment in [moment for moment in waiting if moment in line]:
            _worker(psutil.Process(demo.pid), waiting.pop(moment)).kill()


def _worker(demo: psutil.Process, name: str) -> psutil.Process:
    for process in demo.children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # a trainer's helper may end while we look
            if process.cmdline()[-3:] == ["worker", "run", name]:
                return process
    raise AssertionError(f"no worker {name} is running")
