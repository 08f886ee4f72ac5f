"""The rollout gate: what it would decide next, and which of its decisions stands in the log."""

import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Mapping

from schemas.catalogue import Hardware
from schemas.decisions import ReleaseView, Rule, decision_id
from schemas.records import ModelRelease
from schemas.signing import Keyring, Role, Signer, canonical
from schemas.topics import MODEL_RELEASES, ROLLOUT_PARTIALS
from streams.rollout.findings import Finding, findings
from streams.rollout.ledger import HANDLED, Ledger
from streams.rollout.policy import Policy
from streams.rollout.situation import Situation
from streams.rollout.standing import ReleaseStanding, Step
from streams.rollout.steps import next_step
from streams.rollout.tally import Tally

_RACES = frozenset({Rule.SEQUENCE, Rule.CONFLICT})
"""Why a decision may be void although nothing is wrong: somebody else was first."""


class GateKeyError(ValueError):
    """The gate's key is not one the keyring lets decide."""


class DecisionRefusedError(RuntimeError):
    """The log does not take the gate's decisions, and it is not a race that was lost."""


def check_key(signer: Signer, keyring: Keyring) -> None:
    """Refuse a key whose decisions every reader would void.

    Raises:
        GateKeyError: It is unknown, revoked, another one, or not a gate's; the message says so.
    """
    known = keyring.keys.get(signer.name)
    if known is None or Role.GATE not in known.roles or known.revoked_at is not None:
        raise GateKeyError(f"signer {signer.name!r} is not a valid gate of the keyring; add it")
    if known.key != signer.public().key:
        raise GateKeyError(f"key of signer {signer.name!r} is not the keyring's; install that one")


class Gate:
    """Decides about the releases of one partition of rollout-partials.

    What it returns are proposals to the log: its state moves when they are read back as valid
    from the ledger. One decision of a release is under way at a time; a voided one is evaluated
    again. Equal ledgers and tallies give equal decisions.

    Args:
        policy: The rules.
        signer: Key of the gate.
        hardware: The catalogue's generations.
        ledger: Decisions and commands read so far; whoever owns it feeds it.
        tally: Counts read so far, and the time; whoever owns it feeds it.
        partition: Partition of rollout-partials the tally folds.
        mine: Whether a release's counts are in that partition.
    """

    def __init__(
        self,
        *,
        policy: Policy,
        signer: Signer,
        hardware: Mapping[str, Hardware],
        ledger: Ledger,
        tally: Tally,
        partition: int = 0,
        mine: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._policy, self._signer, self._hardware = policy, signer, hardware
        self._ledger, self._partition, self._mine = ledger, partition, mine
        self._under_way: dict[str, ModelRelease] = {}
        self.tally = tally

    def advance(self) -> list[ModelRelease]:
        """Decisions to write now, at most one for each release.

        None before every source partition was heard: an unheard one may hold failures.

        Raises:
            DecisionRefusedError: A decision of this gate is void by more than a lost race.
        """
        due = []
        for now in self._situations():
            release_id = now.at.release_id
            if self._waits(release_id, now.at.view):
                continue
            step = next_step(now)
            if step is not None:
                self._under_way[release_id] = decision = self._drafted(now.at, step)
                due.append(decision)
        return due

    def findings(self) -> Iterator[Finding]:
        """What people are to be told of the releases as they stand."""
        for now in self._situations():
            yield from findings(now)

    def _situations(self) -> Iterator[Situation]:
        """The releases of this partition; none before every source partition was heard."""
        now_us, book = self.tally.now_us, self._ledger.book
        if now_us is None:
            return
        for release_id, view in book.releases.items():
            if self._mine(release_id):
                at = ReleaseStanding(
                    view=view,
                    parent=book.parent(view),
                    tally=self.tally,
                    policy=self._policy,
                    now_us=now_us,
                    retired=self._retired(release_id, now_us),
                )
                yield Situation(at, self._ledger, self._hardware)

    def _retired(self, release_id: str, now_us: int) -> bool:
        since_us = self._ledger.retired_us(release_id)
        return since_us is not None and since_us <= now_us

    def _waits(self, release_id: str, view: ReleaseView) -> bool:
        """Whether a decision of the release was written and not read back yet."""
        written = self._under_way.get(release_id)
        if written is None:
            return False
        void = self._ledger.voided(release_id, written.event_id)
        if view.next_seq > written.decision_seq:
            del self._under_way[release_id]
            return False
        if void is not None and void.rule not in _RACES:
            raise DecisionRefusedError(
                f"decision {written.decision_seq} ({written.kind}) of release {release_id} by "
                f"{written.signer} is void: {void.why}; writing it again would not end"
            )
        if void is not None:
            del self._under_way[release_id]
        return void is None

    def _drafted(self, at: ReleaseStanding, step: Step) -> ModelRelease:
        view, seq = at.view, at.view.next_seq
        release, digest = step.rollback_to or (None, None)
        draft = dataclasses.replace(
            view.proposal,
            artifact=None,
            preconditions=None,
            event_id="",
            kind=step.kind,
            decision_id=decision_id(at.release_id, seq),
            decision_seq=seq,
            decided_ts=at.now_us,
            stratum=step.stratum,
            wave=step.wave,
            share=step.share,
            rate_per_min=step.rate_per_min,
            approvers=step.approvers if step.approvers is not None else view.approvers,
            evidence=at.evidence(step.stratum, self._offsets(at.release_id, step)),
            rollback_to_release_id=release,
            rollback_to_digest=digest,
            reason=step.reason,
        )
        identity = hashlib.sha256(canonical(draft)).hexdigest()
        return self._signer.sign(dataclasses.replace(draft, event_id=identity))

    def _offsets(self, release_id: str, step: Step) -> dict[str, int]:
        """What had been read: the core fed exactly that returns this decision."""
        handled = self._ledger.handled_through(release_id)
        if step.handled is not None:
            handled = max(handled, step.handled)
        return {
            f"{ROLLOUT_PARTIALS.name}/{self._partition}": self.tally.last_offset,
            f"{MODEL_RELEASES.name}/0": self._ledger.book.last_offset,
            **self._ledger.orders_read(release_id),
            **({HANDLED: handled} if handled >= 0 else {}),
        }
