"""Alerts that are conditions: said once when they begin to hold, once when they no longer do."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from schemas import alert_log
from schemas.alert_log import AlertBook
from schemas.records import Alert, AlertKind, AlertState, Severity
from streams.alert_writer import AlertWriter

RUNBOOKS: Final = "docs/runbooks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What holds now.

    Attributes:
        alertname: Name of the alert, and of its runbook.
        where: Labels that tell it from others of its name.
        since_us: Ingest time at which it began, as far as that is known.
        summary: What it is, with its numbers.
        notes: More annotations.
    """

    alertname: str
    kind: AlertKind
    severity: Severity
    where: Mapping[str, str]
    since_us: int
    summary: str
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def labels(self) -> dict[str, str]:
        """Identity of the alert."""
        return {"alertname": self.alertname, "severity": self.severity.lower(), **self.where}


class ConditionTeller:
    """Compare-and-set on `alerts`, one step of an alert at a time.

    Args:
        book: What the log says of each alert; only what is read back from it moves anything.
    """

    def __init__(self, book: AlertBook) -> None:
        self._book = book
        self._writer = AlertWriter(book)

    def news(
        self,
        holding: Iterable[Condition],
        over: Callable[[Alert], bool],
        at_us: int,
        now_us: int,
    ) -> Iterator[Alert]:
        """The next record of each alert that has something to say.

        Args:
            holding: All that holds now.
            over: Of an open alert that does not hold: whether that is newer than the alert. One
                that lags, or is another's, ends nothing.
            at_us: Ingest time up to which everything was counted.
            now_us: Clock, for records that were lost on their way.
        """
        holds = {alert_log.fingerprint(found.labels): found for found in holding}
        for identity, found in holds.items():
            if not self._writer.said(identity, AlertState.FIRING, found.since_us):
                seq = self._writer.claim(identity, now_us)
                if seq is not None:
                    yield _firing(found, identity, seq, at_us)
        for last in list(self._book.open()):
            if last.fingerprint not in holds and over(last):
                seq = self._writer.claim(last.fingerprint, now_us)
                if seq is not None:
                    yield _resolved(last, seq, at_us)


def _firing(found: Condition, identity: str, seq: int, at_us: int) -> Alert:
    return Alert(
        event_id=alert_log.event_id(identity, seq),
        source="live",
        alert_id=alert_log.alert_id(identity, found.since_us),
        fingerprint=identity,
        seq=seq,
        alertname=found.alertname,
        kind=found.kind,
        severity=found.severity,
        state=AlertState.FIRING,
        reason="exceeded",
        labels=found.labels,
        annotations={
            "summary": found.summary,
            "runbook_url": f"{RUNBOOKS}/{found.alertname}.md",
            **found.notes,
        },
        tiers=(),
        suspects=(),
        exemplars=(),
        starts_at=found.since_us,
        detected_at=max(at_us, found.since_us),
        watermark=found.since_us,
        evaluated_at=max(at_us, found.since_us),
        detection_delay_ms=max(0, at_us - found.since_us) // 1_000,
        late_events=0,
        flapping=False,
        flap_count=0,
        inhibited_by=(),
        silenced_by=(),
        shadow=False,
    )


def _resolved(last: Alert, seq: int, at_us: int) -> Alert:
    told, end_us = last.annotations["summary"], max(at_us, last.watermark)
    return replace(
        last,
        event_id=alert_log.event_id(last.fingerprint, seq),
        seq=seq,
        state=AlertState.RESOLVED,
        reason="recovered",
        annotations={**last.annotations, "summary": f"Resolved: {told}"},
        ends_at=end_us,
        resolved_at=end_us,
        watermark=end_us,
        evaluated_at=end_us,
    )
