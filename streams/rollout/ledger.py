"""What was decided and ordered so far: the book of releases, and commands not acted on yet."""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from schemas.decisions import ReleaseBook, ReleaseView, Verdict
from schemas.facts import Fact
from schemas.records import CommandKind, ModelRelease, ReleaseKind, RolloutCommand
from schemas.signing import Keyring, SignatureError
from schemas.strata import ACTIVE, StratumStatus
from schemas.topics import MODEL_RELEASES, ROLLOUT_COMMANDS
from streams.rollout.ack_judging import Share
from streams.rollout.arms import Opening
from streams.rollout.proposals import Proposal
from streams.rollout.retirement import Retirements
from streams.rollout.shadow_counts import ShadowOpening

UNFINISHED: Final = ACTIVE | {StratumStatus.SHADOW, StratumStatus.ROLLING_BACK}
"""Statuses in which the gate still judges a release by what devices report."""
HANDLED: Final = "handled"
"""Beside a decision's offsets: that of the last command of its release which is done with."""
MAX_ORDERS: Final = 1_000
"""Commands kept for one release; further ones are refused and counted."""
MAX_RELEASES: Final = 10_000
"""Releases that commands may name; commands about further ones are refused and counted."""
_VOIDS_KEPT: Final = 64
_OPENINGS: Final = frozenset({ReleaseKind.WAVE_OPENED, ReleaseKind.WAVE_EXTENDED})


class EvidenceLostError(RuntimeError):
    """Records that an open release is judged by are gone from the log and in no state."""


class Order(NamedTuple):
    """A signed command and where it stands."""

    partition: int
    offset: int
    stamp_us: int
    command: RolloutCommand


class Ledger:
    """Folds model-releases and rollout-commands; shared by the gates of one worker.

    A command is acted on once: beside the offset of the last command of its release that had been
    read, each decision carries, as HANDLED, that of the last one which is done with.

    Args:
        keyring: Who may decide and order.
        monitor_s: See `Retirements`; without it no release retires.

    Attributes:
        book: The valid decisions.
        refused: Commands that do not count: bad signature, or over a limit.
    """

    def __init__(self, keyring: Keyring, monitor_s: float | None = None) -> None:
        self._keyring = keyring
        self._retirements = None if monitor_s is None else Retirements(monitor_s)
        self._orders: dict[str, list[Order]] = {}
        self._handled: dict[str, int] = {}
        self._voided: dict[str, deque[tuple[str, Verdict]]] = {}
        self._openings: dict[str, list[Opening]] = {}
        self._released: dict[str, int] = {}
        self._returns: dict[tuple[str, str], int] = {}
        self.book = ReleaseBook(keyring)
        self.refused = 0

    def observe(self, facts: Sequence[Fact]) -> None:
        """Include records of the two topics, each in log order."""
        for fact in facts:
            if fact.topic == MODEL_RELEASES.name:
                self._decided(fact, fact.record)
            elif fact.topic == ROLLOUT_COMMANDS.name:
                self._ordered(fact, fact.record)

    def refuse_older(self, source: tuple[str, int], blind_before_us: int) -> None:
        """Refuse to judge by state that was begun after an open release was proposed.

        Raises:
            EvidenceLostError: There is such a release; the message names it and what to do.
        """
        for release_id, view in self.book.releases.items():
            open_in = {at.status for at in view.strata.values()} & UNFINISHED
            if open_in and view.proposed_us < blind_before_us:
                raise EvidenceLostError(
                    f"release {release_id} is {', '.join(sorted(open_in))} and older than what "
                    f"topic {source[0]} partition {source[1]} still holds: what its devices "
                    "reported before is lost to a state made anew; finish the release with the "
                    "version and policy whose state is stored, or keep the topic for longer"
                )

    def proposal(self, release_id: str) -> Proposal | None:
        """A release's proposal, with the stamp it was proposed at."""
        view = self.book.releases.get(release_id)
        return Proposal(view.proposal, view.proposed_us) if view else None

    def openings(self, stratum: str) -> Sequence[Opening]:
        """Waves opened or widened in a stratum so far, by any release, in log order."""
        return self._openings.get(stratum, ())

    def shadow(self, release_id: str, stratum: str) -> ShadowOpening | None:
        """The shadow of a release in a stratum, once it was begun, whether or not it is over."""
        view = self.book.releases.get(release_id)
        at = view.strata.get(stratum) if view else None
        if view is None or at is None or at.shadow is None:
            return None
        return ShadowOpening(at.shadow.opened_us, view.proposal.salt, at.shadow.share)

    def released(self, digest: str) -> int | None:
        """Stamp of the first proposal with this model; None: none has it."""
        return self._released.get(digest)

    def retired_us(self, release_id: str) -> int | None:
        """Stamp from which a release is history; None: none yet. See `Retirements.since_us`."""
        if self._retirements is None:
            return None
        return self._retirements.since_us(self.book, release_id)

    def entitled(self, release_id: str, stratum: str) -> Sequence[Share]:
        """From when which share of a stratum may take a release; stamps and shares rise."""
        view = self.book.releases.get(release_id)
        at = view.strata.get(stratum) if view else None
        if at is None:
            return ()
        everybody = (at.completed_us, self._returns.get((release_id, stratum)))
        since_us = min((us for us in everybody if us is not None), default=None)
        if since_us is None:
            return at.openings
        return (*(one for one in at.openings if one[0] < since_us), (since_us, 1.0))

    def voided(self, release_id: str, event_id: str) -> Verdict | None:
        """Why this record does not count, when it was read back and does not."""
        return dict(self._voided.get(release_id, ())).get(event_id)

    def handled_through(self, release_id: str) -> int:
        """Offset of the last command of the release that a decision took note of; -1: none."""
        return self._handled.get(release_id, -1)

    def open_orders(self, release_id: str) -> Iterator[Order]:
        """Commands that no decision took note of yet, in log order."""
        handled = self.handled_through(release_id)
        return (order for order in self._orders.get(release_id, ()) if order.offset > handled)

    def orders_read(self, release_id: str) -> dict[str, int]:
        """Offset of the last command of the release by "topic/partition"; empty: it has none."""
        orders = self._orders.get(release_id)
        last = orders[-1] if orders else None
        return {f"{ROLLOUT_COMMANDS.name}/{last.partition}": last.offset} if last else {}

    def approvals(self, view: ReleaseView) -> dict[str, Order]:
        """First approval of each signer who did not make the release, by signer."""
        author, found = view.proposal.author, dict[str, Order]()
        for order in self._orders.get(view.proposal.release_id, ()):
            approves = order.command.command is CommandKind.APPROVE
            others = author not in (order.command.signer, order.command.by)
            if approves and others and order.stamp_us >= view.proposed_us:
                found.setdefault(order.command.signer, order)
        return found

    def _decided(self, fact: Fact, record: ModelRelease) -> None:
        if self._retirements is not None:
            self._retirements.settle(self.book, fact.stamp_us)
        verdict = self.book.observe(record, offset=fact.offset, stamp_us=fact.stamp_us)
        release_id = record.release_id
        if not verdict.valid:
            if release_id not in self.book.releases:
                return
            kept = self._voided.setdefault(release_id, deque(maxlen=_VOIDS_KEPT))
            kept.append((record.event_id, verdict))
            return
        if record.kind in _OPENINGS:
            self._opened(record, fact.stamp_us)
        if record.artifact is not None:
            self._released.setdefault(record.artifact.digest, fact.stamp_us)
        if record.rollback_to_release_id is not None:
            self._ordered_back(record, record.rollback_to_release_id, fact.stamp_us)
        handled = record.evidence.offsets.get(HANDLED, -1) if record.evidence else -1
        self._handled[release_id] = max(self.handled_through(release_id), handled)

    def _ordered_back(self, record: ModelRelease, to: str, stamp_us: int) -> None:
        """Devices return to a release, or to one before it, whether or not it was open to them."""
        strata = record.strata if record.stratum is None else (record.stratum,)
        view = self.book.releases.get(to)
        for _ in range(len(self.book.releases)):
            if view is None:
                return
            for stratum in strata:
                self._returns.setdefault((view.proposal.release_id, stratum), stamp_us)
            view = self.book.releases.get(view.proposal.parent_release_id or "")

    def _opened(self, record: ModelRelease, stamp_us: int) -> None:
        view = self.book.releases[record.release_id]
        for stratum, at in view.strata.items():
            if at.openings and at.openings[-1][0] == at.since_us == stamp_us:
                opening = Opening(stamp_us, record.release_id, view.proposal.salt, at.share)
                self._openings.setdefault(stratum, []).append(opening)

    def _ordered(self, fact: Fact, command: RolloutCommand) -> None:
        try:
            self._keyring.verify(command, fact.stamp_us)
        except SignatureError:
            self.refused += 1
            return
        orders = self._orders.get(command.release_id)
        if orders is None and len(self._orders) >= MAX_RELEASES:
            self.refused += 1
            return
        orders = self._orders.setdefault(command.release_id, [])
        if len(orders) >= MAX_ORDERS:
            self.refused += 1
        elif not orders or fact.offset > orders[-1].offset:
            orders.append(Order(fact.partition, fact.offset, fact.stamp_us, command))
