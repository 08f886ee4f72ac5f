"""The SLO worker or the notifier, killing itself with SIGKILL at a named point."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final

from consumers.oncall import notifier
from consumers.oncall.notification import Notification
from consumers.oncall.outbox import Outbox
from consumers.oncall.webhook import WebhookReceiver
from infra.kafka.publisher import Publisher
from infra.lean import without
from infra.settings import Settings
from schemas.records import Alert, PartialKind, SloPartial
from schemas.topics import INFERENCE_EVENTS, SLO_PARTIALS
from streams.checkpoints import Checkpoints
from streams.runner import Runner
from streams.slo.agent import processor
from streams.worker import run
from tests.crash.dying import at_point


class Point(StrEnum):
    """Where a process dies. Cells are those that count bad frames."""

    NEVER = "NEVER"
    # stage one
    EVENTS_BEFORE_FOLD = "EVENTS_BEFORE_FOLD"
    EVENTS_AFTER_FOLD = "EVENTS_AFTER_FOLD"
    CELL_BEFORE = "CELL_BEFORE"
    CELL_AFTER = "CELL_AFTER"
    PROGRESS_BEFORE = "PROGRESS_BEFORE"
    PROGRESS_AFTER = "PROGRESS_AFTER"
    COUNTS_BEFORE_CHECKPOINT = "COUNTS_BEFORE_CHECKPOINT"
    COUNTS_AFTER_CHECKPOINT = "COUNTS_AFTER_CHECKPOINT"
    # stage two
    PARTIALS_BEFORE_FOLD = "PARTIALS_BEFORE_FOLD"
    PARTIALS_AFTER_FOLD = "PARTIALS_AFTER_FOLD"
    ALERT_BEFORE = "ALERT_BEFORE"
    ALERT_AFTER = "ALERT_AFTER"
    BURNS_BEFORE_CHECKPOINT = "BURNS_BEFORE_CHECKPOINT"
    BURNS_AFTER_CHECKPOINT = "BURNS_AFTER_CHECKPOINT"
    # notifier
    SEND_BEFORE = "SEND_BEFORE"
    ANSWERED = "ANSWERED"
    RECORDED = "RECORDED"


NOTIFIER: Final = (Point.SEND_BEFORE, Point.ANSWERED, Point.RECORDED)
Passed = Callable[..., bool]


def cell(_publisher: Any, _topic: Any, record: Any, **_: Any) -> bool:
    """A count that holds bad frames is published."""
    return isinstance(record, SloPartial) and record.kind is PartialKind.CELL and record.bad > 0


def progress(_publisher: Any, _topic: Any, record: Any, **_: Any) -> bool:
    """A PROGRESS record is published."""
    return isinstance(record, SloPartial) and record.kind is PartialKind.PROGRESS


def alert(_publisher: Any, _topic: Any, record: Any, **_: Any) -> bool:
    """A step of an alert is published."""
    return isinstance(record, Alert)


def batch(topic: str) -> Passed:
    """A fetched batch of a topic is taken."""
    return lambda _runner, fetched: fetched.topic == topic


def state(topic: str) -> Passed:
    """State of a topic's partition is stored."""
    return lambda _checkpoints, of, _partition, _checkpoint: of == topic


def page(_receiver: Any, _notification: Notification) -> bool:
    """A notification is sent."""
    return True


def note(_outbox: Any, *_: Any) -> bool:
    """A delivery is noted."""
    return True


EVENTS, PARTIALS = INFERENCE_EVENTS.name, SLO_PARTIALS.name
# Owner, method, what counts as passing, and whether the process dies before it or after it.
POINTS: Final[Mapping[Point, tuple[type, str, Passed, bool]]] = {
    Point.EVENTS_BEFORE_FOLD: (Runner, "take", batch(EVENTS), True),
    Point.EVENTS_AFTER_FOLD: (Runner, "take", batch(EVENTS), False),
    Point.CELL_BEFORE: (Publisher, "publish", cell, True),
    Point.CELL_AFTER: (Publisher, "publish", cell, False),
    Point.PROGRESS_BEFORE: (Publisher, "publish", progress, True),
    Point.PROGRESS_AFTER: (Publisher, "publish", progress, False),
    Point.COUNTS_BEFORE_CHECKPOINT: (Checkpoints, "save", state(EVENTS), True),
    Point.COUNTS_AFTER_CHECKPOINT: (Checkpoints, "save", state(EVENTS), False),
    Point.PARTIALS_BEFORE_FOLD: (Runner, "take", batch(PARTIALS), True),
    Point.PARTIALS_AFTER_FOLD: (Runner, "take", batch(PARTIALS), False),
    Point.ALERT_BEFORE: (Publisher, "publish", alert, True),
    Point.ALERT_AFTER: (Publisher, "publish", alert, False),
    Point.BURNS_BEFORE_CHECKPOINT: (Checkpoints, "save", state(PARTIALS), True),
    Point.BURNS_AFTER_CHECKPOINT: (Checkpoints, "save", state(PARTIALS), False),
    Point.SEND_BEFORE: (WebhookReceiver, "send", page, True),
    Point.ANSWERED: (WebhookReceiver, "send", page, False),
    Point.RECORDED: (Outbox, "record", note, False),
}


def main(worker: str, point: str, nth: str) -> int:
    """Run slo or oncall with settings from the environment; it dies at the point's nth passing."""
    without("pandas")
    if point != Point.NEVER:
        at_point(*POINTS[Point(point)], int(nth))
    settings = Settings()
    if worker == "oncall":
        notifier.run(settings)
        return 0
    return run(processor(settings), settings)
