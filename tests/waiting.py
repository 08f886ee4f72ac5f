"""Waiting in tests for what another process does, with an end."""

import time
from collections.abc import Callable


def until(condition: Callable[[], bool], what: str, timeout_s: float = 30.0) -> None:
    """Return as soon as the condition holds; fail by name when it never does."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not in {timeout_s:.0f} s: {what}")
        time.sleep(0.02)
