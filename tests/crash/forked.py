"""Processes of the crash tests, forked from one that has imported already what they run."""

import os
import signal
import sys
from collections.abc import Mapping
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import Final

_FORKS: Final = get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        f"tests.crash.{name}_process"
        for name in ("device", "director", "erasure", "gate", "oncall", "sink", "slo")
    ]
)


class Forked:
    """`main(*words)` of a module as a process, which may be killed at any time.

    Each begins with the modules as they were imported and an environment of its own; what it
    patches is its own too.

    Args:
        module: Has a function `main` that takes texts and may give an exit status.
        environment: Of the process. log: What it writes is appended here.
    """

    def __init__(self, module: str, *words: str, environment: Mapping[str, str], log: Path) -> None:
        log.touch()
        begin = (module, words, dict(environment), log)
        self._process = _FORKS.Process(target=_begin, args=begin, daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        pid = self._process.pid
        if pid is None:
            raise RuntimeError("a process that was started has no id")
        return pid

    @property
    def returncode(self) -> int | None:
        """Exit status, the negative number of the signal that ended it, or None while it runs."""
        return self._process.exitcode

    def wait(self, timeout_s: float | None = None) -> int:
        """Its end.

        Raises:
            TimeoutError: It has not come in time.
        """
        self._process.join(timeout_s)
        if self.returncode is None:
            raise TimeoutError(f"process {self.pid} still runs after {timeout_s} s")
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def end(self) -> None:
        """Kill -9, and wait until it is gone."""
        self.send_signal(signal.SIGKILL)
        self.wait()


def _begin(module: str, words: tuple[str, ...], environment: dict[str, str], log: Path) -> None:
    os.environ.clear()
    os.environ.update(environment)
    with log.open("ab", buffering=0) as said:
        os.dup2(said.fileno(), sys.stdout.fileno())
        os.dup2(said.fileno(), sys.stderr.fileno())
    sys.exit(import_module(module).main(*words))
