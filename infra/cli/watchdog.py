"""The watchdog of a device process: who no longer asks whether to stop hangs, and is reset."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

LIMIT_S: Final = 60.0
"""A model that hangs the device so long has it reset; three resets in a trial are its end."""
_LOOKS: Final = 60
"""Looks at it within the limit."""


class Watchdog:
    """Knows when it was asked last.

    Args:
        limit_s: Seconds without a question after which the process hangs.
        clock: Seconds; only differences mean anything.
    """

    def __init__(self, limit_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit_s, self._clock = limit_s, clock
        self._asked_at = clock()

    def ask(self) -> None:
        """The process lives."""
        self._asked_at = self._clock()

    @property
    def hangs(self) -> bool:
        """Whether it was not asked for longer than the limit."""
        return self._clock() - self._asked_at > self._limit_s


@contextmanager
def watched(stops: Callable[[], bool], limit_s: float = LIMIT_S) -> Iterator[Callable[[], bool]]:
    """Kill this process when it asks `stops` no more, as hardware would; gives what to ask.

    A kill and no exception: what hangs is often not in Python, and runs no handler.
    """
    dog, over = Watchdog(limit_s), threading.Event()

    def asked() -> bool:
        dog.ask()
        return stops()

    def watch() -> None:
        while not over.wait(limit_s / _LOOKS):
            if dog.hangs:
                os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="watchdog", daemon=True).start()
    try:
        yield asked
    finally:
        over.set()
