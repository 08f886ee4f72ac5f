"""What the alert commands know and write: the alerts' log, and silences and acknowledgements."""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from consumers.oncall.holding import Holding
from consumers.oncall.oncall_file import load
from consumers.oncall.steps import Step
from infra.kafka.follower import Follower
from infra.kafka.publisher import Publisher
from infra.settings import Settings
from schemas.alert_log import AlertBook, Verdict
from schemas.codec import Codec
from schemas.facts import Fact
from schemas.records import AlertControl, ControlKind, Matcher
from schemas.registry import registry_from
from schemas.topics import ALERT_CONTROLS, ALERTS


def now_us() -> int:
    """Wall clock, UTC microseconds."""
    return time.time_ns() // 1_000


@dataclass(slots=True)
class Desk:
    """The alerts as the log has them, and what is held back as the notifier would decide it.

    Attributes:
        steps: Valid steps, in log order of each alert.
    """

    holding: Holding
    steps: list[Step] = field(default_factory=list)
    _book: AlertBook = field(default_factory=AlertBook)

    def observe(self, fact: Fact) -> Step | None:
        """Take the next fact; the step it is, when it is a valid one."""
        if isinstance(fact.record, AlertControl):
            self.holding.control(fact.record)
            return None
        if self._book.observe(fact.record) is not Verdict.VALID:
            return None
        step = Step.of(fact)
        self.holding.observe(step)
        self.steps.append(step)
        return step

    def episodes(self) -> list[Step]:
        """The last step of every episode, the oldest episode first."""
        last = {step.alert.alert_id: step for step in self.steps}
        return sorted(last.values(), key=lambda one: (one.alert.starts_at, one.alert.fingerprint))

    def open(self) -> Iterator[Step]:
        """Episodes that go on."""
        last = {step.alert.fingerprint: step for step in self.steps}
        return (step for step in last.values() if step.open)

    def find(self, identity: str) -> Step | None:
        """The last step of an episode by its alert id, or of an alert by its fingerprint."""
        found = (
            step
            for step in reversed(self.steps)
            if identity in (step.alert.alert_id, step.alert.fingerprint)
        )
        return next(found, None)


def follower(settings: Settings) -> Follower:
    """A reader of both topics; the caller closes it."""
    codec = Codec(registry_from(settings.registry_url))
    return Follower(settings.kafka, codec, [ALERTS, ALERT_CONTROLS], "fleetloop-alerts")


def empty(settings: Settings) -> Desk:
    """A desk that knows nothing yet but what the on-call file says."""
    return Desk(Holding([one.inhibition() for one in load(settings.oncall_file).inhibit]))


def read(settings: Settings) -> Desk:
    """The desk with all that the log holds now."""
    desk, reader = empty(settings), follower(settings)
    try:
        for fact in reader.catch_up():
            desk.observe(fact)
    finally:
        reader.close()
    return desk


def write(settings: Settings, controls: Sequence[AlertControl]) -> None:
    """Write silences or acknowledgements and wait until they are on the log."""
    codec = Codec(registry_from(settings.registry_url))
    with Publisher(settings.kafka, codec, f"fleetloop.alerts-{os.getpid()}") as publisher:
        for control in controls:
            publisher.publish(ALERT_CONTROLS, control)
        publisher.flush()


def acknowledgement(step: Step, by: str, comment: str, at_us: int) -> AlertControl:
    """That somebody has taken the episode of a step; given twice it is the same control."""
    alert = step.alert
    control_id = f"ack-{alert.alert_id}"
    return AlertControl(
        event_id=f"{control_id}/{at_us}",
        source="live",
        control_id=control_id,
        kind=ControlKind.ACKNOWLEDGEMENT,
        matchers=tuple(
            Matcher(name=name, op="=", value=value) for name, value in sorted(alert.labels.items())
        ),
        # This clock may be behind the broker's, by which the episode's beginning is judged.
        start_ts=max(at_us, step.stamp_us),
        end_ts=None,
        by=by,
        comment=comment,
    )


def ended(control: AlertControl, by: str, comment: str, at_us: int) -> AlertControl:
    """The version of a control that ends it now; one that has not begun never does."""
    return replace(
        control,
        event_id=f"{control.control_id}/{at_us}",
        end_ts=max(at_us, control.start_ts),
        by=by,
        comment=comment,
    )
