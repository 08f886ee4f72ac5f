"""The one reader of model-releases: which decisions count, and what a device is to run."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from schemas.cohorts import membership
from schemas.records import DeviceClass, ModelRelease, ReleaseKind
from schemas.signing import Keyring, SignatureError
from schemas.strata import ACTIVE, WITHDRAWN, StratumStatus
from schemas.stratum_view import StratumView, moved

MAX_RELEASES: Final = 10_000
"""Proposals a book keeps; further ones are void, so that no signer can fill a device's memory."""

_STAYS: Final = frozenset(StratumStatus) - WITHDRAWN - {StratumStatus.REJECTED}
_GOES_ON: Final = ACTIVE | {StratumStatus.SUPERSEDED}


class Rule(StrEnum):
    """The rule a void record broke."""

    NONE = "none"
    SIGNATURE = "signature"
    DECISION_ID = "decision_id"
    SEQUENCE = "sequence"
    PROPOSAL = "proposal"
    STRATUM = "stratum"
    TRANSITION = "transition"
    CONFLICT = "conflict"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a record counts, and why not."""

    rule: Rule = Rule.NONE
    why: str = ""

    @property
    def valid(self) -> bool:
        """Whether the record counts."""
        return self.rule is Rule.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseView:
    """A release as the valid decisions so far have it.

    Attributes:
        proposal: Its PROPOSED record, which no later record changes.
        proposed_us: Broker stamp of the proposal, microseconds.
        next_seq: decision_seq the next valid decision must have.
        strata: Where it stands, by stratum.
        approvers: Who approved it.
    """

    proposal: ModelRelease
    proposed_us: int
    next_seq: int
    strata: Mapping[str, StratumView]
    approvers: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of the release's model file, hex."""
        return self.proposal.artifact.digest if self.proposal.artifact else ""


@dataclass(frozen=True, slots=True)
class Target:
    """What a device is to run; release_id None: what it was made with."""

    release_id: str | None
    digest: str | None
    why: str


def decision_id(release_id: str, decision_seq: int) -> str:
    """Identity of a decision: SHA-256 of release and sequence number, hex."""
    return hashlib.sha256(f"{release_id}\n{decision_seq}".encode()).hexdigest()


class ReleaseBook:
    """Folds model-releases in log order; equal logs make equal books.

    A record counts when its decision_seq is the release's next one, its signer may write its
    kind, and its stratum may take that step: the first wins, what follows it is void. A void
    record changes nothing, is counted by rule in `voids`, and is never an error.
    """

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._releases: dict[str, ReleaseView] = {}
        self.voids: Counter[Rule] = Counter()
        self.last_offset = -1

    @property
    def releases(self) -> Mapping[str, ReleaseView]:
        """Every proposed release by id, in log order."""
        return self._releases

    def observe(self, record: ModelRelease, *, offset: int, stamp_us: int) -> Verdict:
        """Read the next record of the log.

        Args:
            record: What stands there.
            offset: Where it stands; an offset read before is void again and changes nothing.
            stamp_us: The broker's stamp in microseconds.
        """
        verdict = self._judge(record, stamp_us)
        self.last_offset = max(self.last_offset, offset)
        if not verdict.valid:
            self.voids[verdict.rule] += 1
        return verdict

    def _judge(self, record: ModelRelease, stamp_us: int) -> Verdict:
        try:
            self._keyring.verify(record, stamp_us)
        except SignatureError as error:
            return Verdict(Rule.SIGNATURE, str(error))
        if record.decision_id != decision_id(record.release_id, record.decision_seq):
            return Verdict(
                Rule.DECISION_ID, f"decision_id is not that of seq {record.decision_seq}"
            )
        view = self._releases.get(record.release_id)
        due = view.next_seq if view else 0
        if record.decision_seq != due:
            return Verdict(Rule.SEQUENCE, f"decision_seq {record.decision_seq}, next is {due}")
        if view is None:
            return self._propose(record, stamp_us)
        return self._decide(view, record, stamp_us)

    def _propose(self, record: ModelRelease, stamp_us: int) -> Verdict:
        if record.kind is not ReleaseKind.PROPOSED or record.artifact is None or not record.strata:
            return Verdict(Rule.PROPOSAL, "a release begins with PROPOSED, an artifact and strata")
        if len(self._releases) >= MAX_RELEASES:
            return Verdict(Rule.LIMIT, f"more than {MAX_RELEASES} releases")
        first = StratumView(status=StratumStatus.PROPOSED, since_us=stamp_us, reason=record.reason)
        self._releases[record.release_id] = ReleaseView(
            proposal=record,
            proposed_us=stamp_us,
            next_seq=1,
            strata=dict.fromkeys(record.strata, first),
        )
        return Verdict()

    def _decide(self, view: ReleaseView, record: ModelRelease, stamp_us: int) -> Verdict:
        if record.stratum is not None and record.stratum not in view.strata:
            return Verdict(Rule.STRATUM, f"stratum {record.stratum} is not one of the release's")
        names = view.strata if record.stratum is None else (record.stratum,)
        steps = {name: moved(name, view.strata[name], record, stamp_us) for name in names}
        taken = {name: step for name, step in steps.items() if step is not None}
        if not taken:
            found = ", ".join(f"{name} {view.strata[name].status}" for name in names)
            return Verdict(Rule.TRANSITION, f"{record.kind} does not follow on {found}")
        if record.kind is ReleaseKind.WAVE_OPENED:
            for stratum in taken:
                if (other := self.conflict(record.release_id, stratum)) is not None:
                    return Verdict(Rule.CONFLICT, f"release {other} is open in {stratum}")
        self._releases[record.release_id] = replace(
            view,
            next_seq=view.next_seq + 1,
            strata={**view.strata, **taken},
            approvers=record.approvers or view.approvers,
        )
        return Verdict()

    def parent(self, view: ReleaseView) -> tuple[str, str] | None:
        """Release and digest that a release goes back to; None: it is the first."""
        parent = self._releases.get(view.proposal.parent_release_id or "")
        return (parent.proposal.release_id, parent.digest) if parent else None

    def conflict(self, release_id: str, stratum: str) -> str | None:
        """Another release of the same device class that is open, held or paused there."""
        mine = self._releases[release_id].proposal.device_class
        for other, view in self._releases.items():
            if other == release_id or view.proposal.device_class is not mine:
                continue
            if stratum in view.strata and view.strata[stratum].status in ACTIVE:
                return other
        return None

    def shadow(
        self, device_id: str, device_class: DeviceClass, hardware: str
    ) -> ReleaseView | None:
        """The release that a device is to run beside its own, outputs unused; None: none."""
        found = (
            view
            for view in self._releases.values()
            if view.proposal.device_class is device_class
            and (stratum := view.strata.get(hardware)) is not None
            and stratum.status is StratumStatus.SHADOW
            and stratum.shadow is not None
            and membership(view.proposal.salt, device_id) < stratum.shadow.share
        )
        return max(found, key=lambda view: view.proposal.counter, default=None)

    def target(
        self,
        device_id: str,
        device_class: DeviceClass,
        hardware: str,
        running: str | None,
        attempting: str | None = None,
        *,
        now_us: int,
    ) -> Target:
        """What a device is to run now.

        The release with the highest counter among those it is a member of, those completed, the
        one it runs and the one it is installing (a held or paused release takes no new device,
        and those in an attempt go on). A device whose release was ordered back returns to the
        release named by the order, unless a newer one is open for it.

        Args:
            device_id: The device.
            device_class: Its class.
            hardware: Its generation, which is its stratum.
            running: Release it runs; None: the model it was made with.
            attempting: Release it is installing or trying, if any.
            now_us: The device's time, microseconds: a wave reaches its devices one by one.
        """
        best: ReleaseView | None = None
        for view in self._releases.values():
            stratum = view.strata.get(hardware)
            if stratum is None or view.proposal.device_class is not device_class:
                continue
            if (best is None or view.proposal.counter > best.proposal.counter) and _may_run(
                view.proposal, stratum, device_id, running, attempting, now_us
            ):
                best = view
        back = self._ordered_back(hardware, (attempting, running))
        if back is not None and (best is None or best.proposal.counter < back[1]):
            return back[0]
        if best is not None:
            return Target(best.proposal.release_id, best.digest, _why(best, hardware))
        return Target(running, None, "no release is open for this device")

    def reaches_us(
        self, device_id: str, device_class: DeviceClass, hardware: str, now_us: int
    ) -> int | None:
        """The next moment after now at which an open wave reaches a device; None: none will."""
        due = [
            stratum.pace.reaches_us(place)
            for view in self._releases.values()
            if view.proposal.device_class is device_class
            and (stratum := view.strata.get(hardware)) is not None
            and stratum.status is StratumStatus.OPEN
            and stratum.pace is not None
            and (place := membership(view.proposal.salt, device_id)) < stratum.share
        ]
        return min((us for us in due if us > now_us), default=None)

    def _ordered_back(
        self, hardware: str, releases: tuple[str | None, ...]
    ) -> tuple[Target, int] | None:
        for release_id in releases:
            view = self._releases.get(release_id) if release_id else None
            stratum = view.strata.get(hardware) if view else None
            if view is None or stratum is None or stratum.status not in WITHDRAWN:
                continue
            counter = view.proposal.counter
            for _ in range(len(self._releases)):  # an order may lead to a release ordered back
                if stratum is None or stratum.rollback_to is None:
                    break
                parent, digest = stratum.rollback_to
                view = self._releases.get(parent)
                stratum = view.strata.get(hardware) if view else None
                if stratum is None or stratum.status not in WITHDRAWN:
                    return Target(parent, digest, f"{release_id} was ordered back"), counter
        return None


def _may_run(
    proposal: ModelRelease,
    stratum: StratumView,
    device_id: str,
    running: str | None,
    attempting: str | None,
    now_us: int,
) -> bool:
    if proposal.release_id == running and stratum.status in _STAYS:
        return True
    if proposal.release_id == attempting and stratum.status in _GOES_ON:
        return True
    if stratum.status is StratumStatus.OPEN:
        return membership(proposal.salt, device_id) < stratum.reached(now_us)
    return stratum.status is StratumStatus.COMPLETED


def _why(view: ReleaseView, hardware: str) -> str:
    stratum = view.strata[hardware]
    wave = "" if stratum.wave is None else f", wave {stratum.wave}"
    return f"{view.proposal.release_id} is {stratum.status} in {hardware}{wave}"
