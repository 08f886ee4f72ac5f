"""However the parent ends, its children and theirs are gone soon after."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

PARENT = """
import pathlib, subprocess, sys, time
from infra.stack.signals import terminable
from infra.stack.supervisor import Supervisor

FORKER = "import subprocess, time; subprocess.Popen(['sleep', '600']); time.sleep(600)"
try:
    with terminable(), Supervisor(pathlib.Path(sys.argv[1])) as supervised:
        supervised.start("plain", ["sleep", "600"])
        supervised.start("forker", [sys.executable, "-S", "-c", FORKER])
        print("ready", flush=True)
        time.sleep(600)
except KeyboardInterrupt:
    sys.exit(0)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_nothing_is_left(number: signal.Signals, tmp_path: Path) -> None:
    root = Path(__file__).parents[4]
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root)},
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"
        family = _family(parent.pid)
        parent.send_signal(number)
        parent.wait(30)
    _, left = psutil.wait_procs(family, timeout=30)
    assert left == []
    if number is not signal.SIGKILL:
        assert parent.returncode == 0


def test_children_end_even_when_the_guard_was_killed_first(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux ends a child with its parent by itself")
    root = Path(__file__).parents[4]
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root)},
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"
        children = psutil.Process(parent.pid).children()
        guards = [one for one in children if "guard.py" in " ".join(one.cmdline())]
        orphans = psutil.Process(parent.pid).children(recursive=True)
        assert len(guards) == 1
        guards[0].kill()
        parent.kill()
        parent.wait(30)
    _, left = psutil.wait_procs(children, timeout=30)
    for one in orphans:
        if one.is_running():
            one.kill()  # the grandchild, which only the guard would have found
    assert left == []


def _family(pid: int) -> list[psutil.Process]:
    """The guard, both children and the grandchild, as soon as all are there."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        family = psutil.Process(pid).children(recursive=True)
        if sum("sleep" in one.name() for one in family) == 2 and len(family) == 4:
            return family
        time.sleep(0.02)
    raise AssertionError(f"children of {pid} did not start: {family}")
