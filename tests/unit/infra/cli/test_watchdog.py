"""A device process that hangs is killed, one that works is not."""

import signal
import subprocess
import sys

from infra.cli.watchdog import Watchdog

HANGS = """
import threading
from infra.cli.watchdog import watched
with watched(lambda: False, limit_s=0.2) as stops:
    stops()
    print("works", flush=True)
    threading.Event().wait(60)
"""


def test_who_asks_within_the_limit_does_not_hang() -> None:
    now = [100.0]
    dog = Watchdog(3.0, clock=lambda: now[0])
    for _ in range(5):
        now[0] += 3.0
        assert not dog.hangs
        dog.ask()
    now[0] += 3.1
    assert dog.hangs


def test_a_process_that_hangs_is_killed_as_by_its_hardware() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=50, check=False
    )
    assert ended.stdout == "works\n", ended.stderr
    assert ended.returncode == -signal.SIGKILL
