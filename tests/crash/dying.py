"""A process that kills itself with SIGKILL before or after the nth call of one of its methods."""

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

from infra.kafka.publisher import Publisher


def die() -> None:
    """Kill -9 of this process: nothing is flushed, nothing is said."""
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


def nothing() -> None:
    """On the other side of a call."""


def around(
    owner: type,
    name: str,
    *,
    before: Callable[[], None] = nothing,
    after: Callable[[], None] = nothing,
) -> None:
    """Do something before and after each call of a method; after only when it did not raise."""
    original: Callable[..., Any] = getattr(owner, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        before()
        answer = original(*args, **kwargs)
        after()
        return answer

    setattr(owner, name, wrapped)


def at_point(
    owner: type,
    name: str,
    passes: Callable[..., bool],
    before: bool,
    nth: int,
) -> None:
    """Die before or after the nth call of a method that passes; what it published is on the log."""
    wrapped, left = getattr(owner, name), nth

    def dying(self: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal left
        left -= passes(self, *args, **kwargs)
        if left <= 0 and before:
            _flushed(self)
        answer = wrapped(self, *args, **kwargs)
        if left <= 0:
            _flushed(self)
        return answer

    setattr(owner, name, dying)


def _flushed(owner: Any) -> None:
    if isinstance(owner, Publisher):
        owner.flush()
    die()
