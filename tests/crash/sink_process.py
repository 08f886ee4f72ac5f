"""A sink that kills itself with SIGKILL at a named point, run as a child of the crash test.

Usage: python -m tests.crash.sink_process POINT N: dies at the N-th passing of the point.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from consumers.clickhouse.server import Server
from consumers.clickhouse.sink import run
from infra.kafka.loop import GroupLoop
from infra.kafka.publisher import Publisher
from infra.settings import Settings


class Point(StrEnum):
    """Where the sink dies."""

    NEVER = "NEVER"
    BEFORE_LEDGER = "BEFORE_LEDGER"
    AFTER_LEDGER = "AFTER_LEDGER"
    DURING_INSERT = "DURING_INSERT"
    AFTER_INSERT = "AFTER_INSERT"
    AFTER_LETTERS = "AFTER_LETTERS"


INSERT_TAKES_S = 0.004


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def counted(nth: int, action: Callable[[], None]) -> Callable[[], None]:
    """Do it at the nth call."""
    lock = threading.Lock()
    calls = 0

    def once() -> None:
        nonlocal calls
        with lock:
            calls += 1
            due = calls == nth
        if due:
            action()

    return once


def arm(point: Point, nth: int) -> None:
    """Wrap the method that stands for the point."""
    delayed = threading.Timer(INSERT_TAKES_S * (nth % 3), die)
    owner, name, before, after = {
        Point.BEFORE_LEDGER: (GroupLoop, "commit", counted(nth, die), None),
        Point.AFTER_LEDGER: (GroupLoop, "commit", None, counted(nth, die)),
        Point.DURING_INSERT: (Server, "insert", counted(nth, delayed.start), None),
        Point.AFTER_INSERT: (Server, "insert", None, counted(nth, die)),
        Point.AFTER_LETTERS: (Publisher, "flush", None, counted(nth, die)),
    }[point]
    original: Callable[..., Any] = getattr(owner, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if before is not None:
            before()
        answer = original(*args, **kwargs)
        if after is not None:
            after()
        return answer

    setattr(owner, name, wrapped)


if __name__ == "__main__":
    chosen = Point(sys.argv[1])
    if chosen is not Point.NEVER:
        arm(chosen, int(sys.argv[2]))
    run(Settings())
