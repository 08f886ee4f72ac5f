"""A notifier that kills itself with SIGKILL at a named point, run as a child of crash tests.

Only webhooks pass the points before and after an answer.
"""

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


def main(point: str, nth: str) -> None:
    """Run it with settings from the environment; it dies at the nth passing of the point."""
    arm(Point(point), int(nth))
    run(Settings())
