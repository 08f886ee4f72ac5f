"""A stack that outlives the command which started it."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from infra.stack.clickhouse import python_path
from infra.stack.engine import Progress
from infra.stack.spec import StackSpec
from infra.stack.state import StackState, running_stack

# The first start may fetch hundreds of megabytes with Maven.
_READY_S: Final = 900.0
_POLL_S: Final = 0.1


class BackgroundStartError(RuntimeError):
    """The stack ended before it was ready; the message holds what it said."""


def start_in_background(spec: StackSpec, data_dir: Path, progress: Progress) -> StackState:
    """Start a stack in a session of its own and wait until it is ready.

    Raises:
        BackgroundStartError: It ended first, or was not ready in 15 minutes.
    """
    log = data_dir.absolute() / "logs" / "stack.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    process = _spawn(spec, data_dir, log)
    progress(f"starting in the background as pid {process.pid}; its log is {log}")
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline:
        state = running_stack(data_dir)
        if state is not None and state.pid == process.pid:
            return state
        if process.poll() is not None:
            raise BackgroundStartError(log.read_text().strip())
        time.sleep(_POLL_S)
    process.terminate()
    raise BackgroundStartError(f"not ready after {_READY_S:.0f} s; see {log}")


def _spawn(spec: StackSpec, data_dir: Path, log: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "infra.cli.stack", "up", "--data-dir", str(data_dir)]
    parts = {"--broker": spec.broker, "--clickhouse": spec.clickhouse, "--registry": spec.registry}
    for option, value in parts.items():
        command += [option, value]
    with log.open("wb") as output:
        return subprocess.Popen(  # noqa: S603 - this program again
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": python_path()},
            start_new_session=True,
        )
