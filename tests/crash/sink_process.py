"""A sink that sends a signal at a named step, run as a child of the crash tests.

The victim is this process itself, ClickHouse or the broker.
"""

import os
import signal
import threading
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from consumers.clickhouse.intake import Intake
from consumers.clickhouse.server import Server
from consumers.clickhouse.sink import run
from infra.kafka.loop import GroupLoop
from infra.kafka.publisher import Publisher
from infra.lean import without
from infra.settings import Settings
from tests.crash.dying import around, counted, nothing

# Longer than any delay of a plan: a process struck in its revoke does not leave before.
_LEAVING_S: Final = 0.1


class Point(StrEnum):
    """The numbered steps of a batch, and where in them the signal is sent."""

    NEVER = "NEVER"
    BEFORE_LEDGER = "BEFORE_LEDGER"
    IN_COMMIT = "IN_COMMIT"
    AFTER_LEDGER = "AFTER_LEDGER"
    DURING_INSERT = "DURING_INSERT"
    AFTER_INSERT = "AFTER_INSERT"
    AFTER_LETTERS = "AFTER_LETTERS"
    IN_REVOKE = "IN_REVOKE"


@dataclass(frozen=True, slots=True)
class Plan:
    """When what dies.

    Attributes:
        nth: Passing of the point, from 1.
        delay_s: After the point is passed, for those that lie inside a call.
        victim: Process id; 0 is the sink itself.
        signal: SIGKILL, or SIGSTOP for a process that sleeps and wakes as a zombie.
    """

    point: Point
    nth: int = 1
    delay_s: float = 0.0
    victim: int = 0
    signal: int = signal.SIGKILL

    def text(self) -> str:
        """As one argument of a command line."""
        return f"{self.point}:{self.nth}:{self.delay_s}:{self.victim}:{int(self.signal)}"

    @classmethod
    def of(cls, text: str) -> Self:
        """What `text` gave."""
        point, nth, delay_s, victim, number = text.split(":")
        return cls(Point(point), int(nth), float(delay_s), int(victim), int(number))


def arm(plan: Plan) -> None:
    """Wrap the method that stands for the point.

    To be struck in its revoke a sink leaves by itself, at its nth commit.
    """

    def strike() -> None:
        os.kill(plan.victim or os.getpid(), plan.signal)

    if plan.point is Point.IN_REVOKE:
        leave = counted(plan.nth, lambda: os.kill(os.getpid(), signal.SIGTERM))
        around(GroupLoop, "commit", after=leave)
        soon = threading.Timer(plan.delay_s, strike).start
        around(Intake, "revoked", before=soon, after=lambda: time.sleep(_LEAVING_S))
        return

    now = counted(plan.nth, strike)
    soon = counted(plan.nth, threading.Timer(plan.delay_s, strike).start)
    owner, name, before, after = {
        Point.BEFORE_LEDGER: (GroupLoop, "commit", now, None),
        Point.IN_COMMIT: (GroupLoop, "commit", soon, None),
        Point.AFTER_LEDGER: (GroupLoop, "commit", None, now),
        Point.DURING_INSERT: (Server, "insert", soon, None),
        Point.AFTER_INSERT: (Server, "insert", None, now),
        Point.AFTER_LETTERS: (Publisher, "flush", None, now),
    }[plan.point]
    around(owner, name, before=before or nothing, after=after or nothing)


def main(plan: str) -> None:
    """Run it with settings from the environment; the plan is the text of one."""
    without("pandas", "httpx._main")
    chosen = Plan.of(plan)
    if chosen.point is not Point.NEVER:
        arm(chosen)
    run(Settings())
