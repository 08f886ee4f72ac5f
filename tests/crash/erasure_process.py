"""An erasure worker that kills itself with SIGKILL at a named point, as a crash test's child."""

import os
import signal
import threading
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final

from consumers.clickhouse.client import Native
from consumers.erasure import eraser
from consumers.erasure.holdings import Holdings
from consumers.erasure.worker import serve
from infra.kafka.publisher import Publisher
from infra.objects import ObjectStore
from infra.settings import Settings


class Point(StrEnum):
    """Where the worker dies."""

    NEVER = "NEVER"
    BEFORE_REPORT_OF_WHAT_IS_FOUND = "BEFORE_REPORT_OF_WHAT_IS_FOUND"
    AFTER_PICTURE = "AFTER_PICTURE"
    AFTER_TOMBSTONE = "AFTER_TOMBSTONE"
    AMONG_PLACES = "AMONG_PLACES"
    DURING_DELETE = "DURING_DELETE"
    AFTER_DELETE = "AFTER_DELETE"
    BETWEEN_ROLLUP_AND_ITS_RETURN = "BETWEEN_ROLLUP_AND_ITS_RETURN"
    BEFORE_DONE = "BEFORE_DONE"


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def before(owner: Any, name: str, when: Callable[..., bool]) -> None:
    """Die at the first call for which it is time."""
    original: Callable[..., Any] = getattr(owner, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if when(*args, **kwargs):
            die()
        return original(*args, **kwargs)

    setattr(owner, name, wrapped)


def after(owner: Any, name: str) -> None:
    """Die when the first call is done."""
    original: Callable[..., Any] = getattr(owner, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        original(*args, **kwargs)
        die()

    setattr(owner, name, wrapped)


def during_delete() -> None:
    """The first parts are being rewritten: the commands are out, nothing waits for them."""
    original = Native.execute

    def wrapped(self: Native, statement: str, params: Any = None) -> Any:
        answer = original(self, statement, params)
        if statement.startswith("ALTER TABLE") and "DELETE" in statement:
            die()
        return answer

    Native.execute = wrapped  # type: ignore[method-assign] # a test's own process


def always(*_args: Any, **_kwargs: Any) -> bool:
    return True


def is_done(_client: Any, _steps: Any, completed_at: Any = None) -> bool:
    return completed_at is not None


def sixth_place() -> Callable[..., bool]:
    calls = iter(range(1_000))
    return lambda _self, statement, *_: (
        statement.startswith("INSERT INTO erased") and next(calls) == 5
    )


ARM: Final[dict[Point, Callable[[], None]]] = {
    Point.BEFORE_REPORT_OF_WHAT_IS_FOUND: lambda: before(eraser, "write", always),
    Point.AFTER_PICTURE: lambda: after(ObjectStore, "delete"),
    Point.AFTER_TOMBSTONE: lambda: after(Publisher, "flush"),
    Point.AMONG_PLACES: lambda: before(Native, "execute", sixth_place()),
    Point.DURING_DELETE: during_delete,
    Point.AFTER_DELETE: lambda: after(Holdings, "delete"),
    Point.BETWEEN_ROLLUP_AND_ITS_RETURN: lambda: before(Holdings, "_sum_again", always),
    Point.BEFORE_DONE: lambda: before(eraser, "write", is_done),
}


def main(point: str) -> None:
    """Run the worker with settings from the environment; it dies at the point's first passing."""
    chosen = Point(point)
    if chosen is not Point.NEVER:
        ARM[chosen]()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    serve(Settings(), stop, settle_s=0.0)
