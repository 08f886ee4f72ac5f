"""The whole story on real Kafka while every worker is killed with kill -9 once, in mid-stream."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

from infra.stack.kafka_broker import KafkaBroker

# Which worker dies when the story says so: each in the middle of its own work.
KILLS: Final = {
    "perception-1: wave 1 opens": "rollout",
    "keeps a moment": "sink",
    "asks people": "dataset",
    "reviewer-1 labels": "reviewer",
    "the answers are in": "trainer",
    "perception-2: wave 1 opens": "slo",
    "PAGE: LatencySLOBurn": "oncall",
}


def worker_of(demo: psutil.Process, name: str) -> psutil.Process:
    """The demo's worker process of that name."""
    for process in demo.children(recursive=True):
        if process.cmdline()[-3:] == ["worker", "run", name]:
            return process
    raise AssertionError(f"no worker {name} is running")


def killing(demo: subprocess.Popen[str]) -> Iterator[str]:
    """Lines of the story; at its moment each worker is killed."""
    waiting = dict(KILLS)
    assert demo.stdout is not None
    for line in demo.stdout:
        yield line
        for moment in [moment for moment in waiting if moment in line]:
            worker_of(psutil.Process(demo.pid), waiting.pop(moment)).kill()


@pytest.mark.crash
@pytest.mark.kafka
@pytest.mark.timeout(420)
def test_every_worker_is_killed_once_and_every_promise_is_kept(
    kafka_broker: KafkaBroker, tmp_path: Path
) -> None:
    kafka_broker.stop()  # the story starts a Kafka of its own; two cores are enough for one
    folder = tmp_path / "demo"
    command = [sys.executable, "-m", "infra.cli.main", "demo", "--broker", "kafka"]
    with subprocess.Popen(
        [*command, "--folder", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as demo:
        try:
            told = "".join(killing(demo))
        finally:
            demo.terminate()
    assert demo.returncode == 0, told
    report: dict[str, Any] = json.loads((folder / "report.json").read_text())
    assert report["deaths"] == dict.fromkeys(sorted(KILLS.values()), 1), told
    assert [promise for promise in report["promises"] if not promise["kept"]] == []
    assert report["decisions"]["counted"] == report["decisions"]["ids"]
