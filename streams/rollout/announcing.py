"""From findings to records on `alerts`.

What is said follows from where releases stand and from the counts. A condition that holds when the
gate looks is said before the gate decides what ends it, so none is passed over.
"""

from collections.abc import Callable, Iterable, Iterator

from schemas.alert_log import AlertBook
from schemas.decisions import ReleaseBook
from schemas.records import Alert, AlertKind
from streams.conditions import Condition, ConditionTeller
from streams.rollout.findings import COUNTED, Finding


class Announcer:
    """Says on the log what was found; its own state moves only by what it reads back.

    Args:
        book: What the log says of each alert.
        releases: What the log says of each release.
        mine: Whether a release is one this announcer speaks of.
    """

    def __init__(self, book: AlertBook, releases: ReleaseBook, mine: Callable[[str], bool]) -> None:
        self._releases, self._mine = releases, mine
        self._teller = ConditionTeller(book)

    def news(self, findings: Iterable[Finding], at_us: int, now_us: int) -> Iterator[Alert]:
        """The next record of each alert that has something to say.

        Args:
            findings: All that holds now in the releases this announcer speaks of.
            at_us: Ingest time up to which everything was counted.
            now_us: Clock, for records that were lost on their way.
        """
        holding = [_condition(found) for found in findings]
        return self._teller.news(holding, lambda last: self._over(last, at_us), at_us, now_us)

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


def _condition(found: Finding) -> Condition:
    return Condition(
        alertname=found.alertname,
        kind=AlertKind.ROLLOUT,
        severity=found.severity,
        where={"release_id": found.release_id, "hardware": found.stratum},
        since_us=found.since_us,
        summary=found.summary,
    )
