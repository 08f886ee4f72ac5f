"""A notifier that kills itself with SIGKILL at a named point, run as a child of crash tests.

Usage: python -m tests.crash.oncall_process POINT N: dies at the N-th passing of the point.
Settings come from the environment; only webhooks pass the points before and after an answer.
"""

import sys
from enum import StrEnum

from consumers.oncall.notifier import run
from consumers.oncall.outbox import Outbox
from consumers.oncall.webhook import WebhookReceiver
from infra.settings import Settings
from tests.crash.dying import around, counted, die


class Point(StrEnum):
    """Where the notifier dies. Only AFTER_ANSWER may lead to a repeat."""

    NEVER = "NEVER"
    BEFORE_SEND = "BEFORE_SEND"
    AFTER_ANSWER = "AFTER_ANSWER"  # the receiver has it, the outbox does not know yet
    AFTER_RECORD = "AFTER_RECORD"


def arm(point: Point, nth: int) -> None:
    """Die at the nth passing of a point."""
    now = counted(nth, die)
    match point:
        case Point.BEFORE_SEND:
            around(WebhookReceiver, "send", before=now)
        case Point.AFTER_ANSWER:
            around(WebhookReceiver, "send", after=now)
        case Point.AFTER_RECORD:
            around(Outbox, "record", after=now)


if __name__ == "__main__":
    arm(Point(sys.argv[1]), int(sys.argv[2]))
    run(Settings())
