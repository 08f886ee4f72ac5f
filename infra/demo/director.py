"""What the people in the story do, as a function of what stands on the log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from schemas.alert_log import AlertBook, Verdict
from schemas.decisions import ReleaseBook, ReleaseView
from schemas.facts import Fact
from schemas.records import Alert, ModelRelease, Severity
from schemas.strata import WITHDRAWN, StratumStatus
from schemas.topics import ALERTS, DATASET_MANIFESTS, LABEL_REVIEWS, MODEL_RELEASES, OTA_ACKS

_STEPS: Final = {spec.name for spec in (MODEL_RELEASES, OTA_ACKS, DATASET_MANIFESTS, LABEL_REVIEWS)}
"""Topics whose facts bring the story on; devices drive and find moments whatever happens."""


class ActKind(StrEnum):
    """What a person or the release engineer does."""

    VOUCH = "VOUCH"
    APPROVE = "APPROVE"
    ROLLBACK = "ROLLBACK"
    PROPOSE_BAD = "PROPOSE_BAD"


@dataclass(frozen=True, slots=True)
class Act:
    """One order; `stratum` None speaks of all."""

    kind: ActKind
    release_id: str
    stratum: str | None = None


@dataclass(slots=True)
class Director:
    """Plays the operator and knows when the story is over.

    The holders of the offline keys vouch for what is proposed. The operator approves what the gate
    verified, proposes the bad release once `good_releases` releases are complete, and orders it
    back where the gate holds it because it harmed another stratum. Each order is given once.

    Args:
        book: Reader of model-releases.
        good_releases: Completed releases after which the bad one is proposed.
    """

    book: ReleaseBook
    good_releases: int = 2
    alerts: AlertBook = field(default_factory=AlertBook, init=False)
    history: list[Alert] = field(default_factory=list, init=False)
    _given: set[Act] = field(default_factory=set, init=False)
    _counted: int = field(default=0, init=False)
    _decision_ids: set[str] = field(default_factory=set, init=False)
    _steps: int = field(default=0, init=False)

    def observe(self, fact: Fact) -> bool:
        """Take one fact; False when it is void."""
        self._steps += fact.topic in _STEPS
        if fact.topic == MODEL_RELEASES.name:
            record: ModelRelease = fact.record
            if not self.book.observe(record, offset=fact.offset, stamp_us=fact.stamp_us).valid:
                return False
            self._counted += 1
            self._decision_ids.add(record.decision_id)
            return True
        if fact.topic == ALERTS.name:
            if self.alerts.observe(fact.record) is Verdict.VOID:
                return False
            self.history.append(fact.record)
        return True

    def acts(self) -> Sequence[Act]:
        """Orders that are due and were not given yet."""
        due = [act for act in self._due() if act not in self._given]
        self._given.update(due)
        return due

    def decisions(self) -> Mapping[str, int]:
        """Records of model-releases that counted, their distinct ids, and those that were void."""
        void = sum(self.book.voids.values())
        return {"counted": self._counted, "ids": len(self._decision_ids), "void": void}

    @property
    def bad_release(self) -> ReleaseView | None:
        """The bad release, once it is on the log."""
        releases = list(self.book.releases.values())
        return releases[self.good_releases] if len(releases) > self.good_releases else None

    @property
    def over(self) -> bool:
        """The bad release is back everywhere, a page about it was sent and no alert of it is left.

        What burns elsewhere is another story's: it may burn for as long as its release is bad.
        """
        bad = self.bad_release
        if bad is None or not self.pages or self._firing:
            return False
        return all(s.status is StratumStatus.ROLLED_BACK for s in bad.strata.values())

    @property
    def pages(self) -> Sequence[Alert]:
        """Pages about the bad release, whatever became of them."""
        return [one for one in self.alerts if one.severity is Severity.PAGE and self._of_bad(one)]

    @property
    def unrelated(self) -> Sequence[Alert]:
        """Alerts that are open and not about the bad release."""
        return [one for one in self.alerts.open() if not self._of_bad(one)]

    @property
    def stage(self) -> tuple[str, int]:
        """Differs whenever the story has moved on: alerts that come and go are no step of it."""
        return self.missing(), self._steps

    def missing(self) -> str:
        """What the story still waits for, in words."""
        bad = self.bad_release
        if bad is None:
            found = {name: _states(view) for name, view in self.book.releases.items()}
            return f"{self.good_releases} completed releases; there are {found or 'none'}"
        if not all(s.status is StratumStatus.ROLLED_BACK for s in bad.strata.values()):
            return f"the rollback of {bad.proposal.release_id}: {_states(bad)}"
        if not self.pages:
            return "a page about the bad release"
        if firing := self._firing:
            return f"the end of {', '.join(alert.alertname for alert in firing)}"
        return "on-call to be told of the end"

    @property
    def _firing(self) -> Sequence[Alert]:
        return [alert for alert in self.alerts.open() if self._of_bad(alert)]

    def _of_bad(self, alert: Alert) -> bool:
        bad = self.bad_release
        return bad is not None and alert.labels.get("release_id") == bad.proposal.release_id

    def _due(self) -> Sequence[Act]:
        acts: list[Act] = []
        for name, view in self.book.releases.items():
            acts.append(Act(ActKind.VOUCH, name))
            if _all(view, StratumStatus.VERIFIED):
                acts.append(Act(ActKind.APPROVE, name))
            harmed = any(s.status in WITHDRAWN for s in view.strata.values())
            acts += [
                Act(ActKind.ROLLBACK, name, stratum)
                for stratum, s in view.strata.items()
                if harmed and s.status is StratumStatus.HELD
            ]
        releases = list(self.book.releases.values())
        if len(releases) == self.good_releases and _all(releases[-1], StratumStatus.COMPLETED):
            acts.append(Act(ActKind.PROPOSE_BAD, releases[-1].proposal.release_id))
        return acts


def _all(view: ReleaseView, status: StratumStatus) -> bool:
    return all(s.status is status for s in view.strata.values())


def _states(view: ReleaseView) -> str:
    return ", ".join(f"{stratum} {s.status}" for stratum, s in view.strata.items())
