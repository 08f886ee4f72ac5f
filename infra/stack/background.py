"""A stack that outlives the command which started it."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from infra.stack.clickhouse import python_path
from infra.stack.data_dir import require_space
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
    require_space(data_dir)
    log = data_dir.absolute() / "logs" / "stack.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    said_before = log.stat().st_size if log.exists() else 0
    process = _spawn(spec, data_dir, log)
    progress(f"starting in the background as pid {process.pid}; its log is {log}")
    try:
        return _ready(process, data_dir, log, said_before)
    except BaseException:  # Ctrl-C too: nobody would know of it
        process.terminate()
        raise


def _ready(
    process: "subprocess.Popen[bytes]", data_dir: Path, log: Path, said_before: int
) -> StackState:
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline:
        state = running_stack(data_dir)
        if state is not None and state.pid == process.pid:
            return state
        if process.poll() is not None:
            said = log.read_bytes()[said_before:].decode(errors="replace").strip()
            raise BackgroundStartError(said.rpartition("fleetloop: ")[2] or f"see {log}")
        time.sleep(_POLL_S)
    raise BackgroundStartError(f"not ready after {_READY_S:.0f} s; see {log}")


def _spawn(spec: StackSpec, data_dir: Path, log: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "infra.cli.main", "stack", "up", "--data-dir", str(data_dir)]
    parts = {"--broker": spec.broker, "--clickhouse": spec.clickhouse, "--registry": spec.registry}
    for option, value in parts.items():
        command += [option, value]
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - this program again
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": python_path()},
            start_new_session=True,
        )
