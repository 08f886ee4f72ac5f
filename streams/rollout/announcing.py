"""From findings to records on `alerts`: compare-and-set on the log, one step of an alert at a time.

What is said follows from where releases stand and from the counts. A condition that holds when the
gate looks is said before the gate decides what ends it, so none is passed over.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Final

from schemas import alert_log
from schemas.alert_log import AlertBook
from schemas.decisions import ReleaseBook
from schemas.records import Alert, AlertKind, AlertState
from streams.alert_writer import AlertWriter
from streams.rollout.findings import COUNTED, Finding

RUNBOOKS: Final = "docs/runbooks"


class Announcer:
    """Says on the log what was found; its own state moves only by what it reads back.

    Args:
        book: What the log says of each alert.
        releases: What the log says of each release.
        mine: Whether a release is one this announcer speaks of.
    """

    def __init__(self, book: AlertBook, releases: ReleaseBook, mine: Callable[[str], bool]) -> None:
        self._book, self._releases, self._mine = book, releases, mine
        self._writer = AlertWriter(book)

    def news(self, findings: Iterable[Finding], at_us: int, now_us: int) -> Iterator[Alert]:
        """The next record of each alert that has something to say.

        Args:
            findings: All that holds now in the releases this announcer speaks of.
            at_us: Ingest time up to which everything was counted.
            now_us: Clock, for records that were lost on their way.
        """
        holds = {alert_log.fingerprint(labels(found)): found for found in findings}
        for identity, found in holds.items():
            if not self._writer.said(identity, AlertState.FIRING, found.since_us):
                seq = self._writer.claim(identity, now_us)
                if seq is not None:
                    yield _firing(found, identity, seq, at_us)
        for last in list(self._book.open()):
            if last.fingerprint not in holds and self._over(last, at_us):
                seq = self._writer.claim(last.fingerprint, now_us)
                if seq is not None:
                    yield _resolved(last, seq, at_us)

    def _over(self, last: Alert, at_us: int) -> bool:
        """Whether what is known is newer than the alert: a gate that lags ends nothing."""
        if last.kind is not AlertKind.ROLLOUT or not self._mine(last.labels["release_id"]):
            return False
        release = self._releases.releases.get(last.labels["release_id"])
        view = release.strata.get(last.labels["hardware"]) if release else None
        if view is None:
            return False
        known_us = at_us if last.alertname in COUNTED else view.since_us
        return known_us >= last.watermark


def labels(found: Finding) -> dict[str, str]:
    """Identity of an alert."""
    return {
        "alertname": found.alertname,
        "severity": found.severity.lower(),
        "release_id": found.release_id,
        "hardware": found.stratum,
    }


def _firing(found: Finding, identity: str, seq: int, at_us: int) -> Alert:
    return Alert(
        event_id=alert_log.event_id(identity, seq),
        source="live",
        alert_id=alert_log.alert_id(identity, found.since_us),
        fingerprint=identity,
        seq=seq,
        alertname=found.alertname,
        kind=AlertKind.ROLLOUT,
        severity=found.severity,
        state=AlertState.FIRING,
        reason="exceeded",
        labels=labels(found),
        annotations={
            "summary": found.summary,
            "runbook_url": f"{RUNBOOKS}/{found.alertname}.md",
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
