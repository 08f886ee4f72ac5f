"""Sink processes for the crash tests; the next one has imported all before the last one is dead."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Self

from tests.crash.sink_process import Plan


class WarmSinks:
    """Starts sinks with one environment, and keeps one more ready than are asked for.

    Args:
        environment: Of every sink.
        log: What they write, one after the other.
    """

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self._environment = environment
        self._output: IO[bytes] = log.open("ab")
        self._warm = self._spawn()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        _end(self._warm)
        self._output.close()

    @contextmanager
    def sink(self, plan: Plan) -> Iterator["subprocess.Popen[bytes]"]:
        """A sink with a plan, gone after the block."""
        child, self._warm = self._warm, self._spawn()
        if child.stdin is None:
            raise RuntimeError("a sink was started without a pipe")
        with child.stdin as pipe:
            pipe.write(f"{plan.text()}\n".encode())
        try:
            yield child
        finally:
            _end(child)

    def _spawn(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-m", "tests.crash.sink_process"],
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=self._output,
            stderr=self._output,
        )


def _end(child: "subprocess.Popen[bytes]") -> None:
    child.kill()
    child.wait()
    if child.stdin is not None:
        child.stdin.close()
