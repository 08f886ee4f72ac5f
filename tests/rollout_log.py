"""A model-releases log for tests: known keys, and records that follow on one another."""

import dataclasses
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from schemas.decisions import ReleaseBook, Verdict, decision_id
from schemas.records import (
    CommandKind,
    Evidence,
    ModelRelease,
    ReleaseKind,
    RolloutCommand,
)
from schemas.signing import Keyring, Role, Signer
from streams.rollout.made_records import made_command, made_digest, made_proposal

SECOND: Final = 1_000_000
START: Final = 1_700_000_000 * SECOND


def _signer(name: str, seed: int) -> Signer:
    return Signer(name, Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32))


TRAINER: Final = _signer("trainer", 1)
GATE: Final = _signer("gate", 2)
OPERATOR: Final = _signer("operator", 3)
SECOND_OPERATOR: Final = _signer("second-operator", 4)
KEYRING: Final = Keyring(
    {
        "trainer": TRAINER.public(Role.TRAINER),
        "gate": GATE.public(Role.GATE),
        "operator": OPERATOR.public(Role.OPERATOR),
        "second-operator": SECOND_OPERATOR.public(Role.OPERATOR),
    }
)


digest_of: Final = made_digest


def proposal(release_id: str, **changes: Any) -> ModelRelease:
    """A signed PROPOSED record for HW3, HW4 and AI5."""
    return made_proposal(release_id, signer=TRAINER, decided_ts=START, **changes)


def follow(
    first: ModelRelease, kind: ReleaseKind, seq: int, *, signer: Signer = GATE, **changes: Any
) -> ModelRelease:
    """A signed decision on a proposed release."""
    identity = decision_id(first.release_id, seq)
    record = dataclasses.replace(
        first,
        event_id=identity,
        kind=kind,
        decision_id=identity,
        decision_seq=seq,
        artifact=None,
        preconditions=None,
        parent_release_id=None,
        reason=str(kind),
    )
    return signer.sign(dataclasses.replace(record, **changes))


def command(
    release_id: str,
    kind: CommandKind,
    *,
    signer: Signer = OPERATOR,
    stratum: str | None = None,
    at: int = START,
) -> RolloutCommand:
    """A signed order of an operator."""
    return made_command(release_id, kind, signer=signer, issued_ts=at, stratum=stratum)


def evidence(**changes: Any) -> Evidence:
    """Evidence without harm."""
    plain = Evidence(
        n=10,
        failures_low=0,
        failures_high=0,
        e_harm=0.1,
        e_safe=30.0,
        thresholds={"harm": 600.0, "safe": 20.0},
        config_digest="c" * 64,
        offsets={},
    )
    return dataclasses.replace(plain, **changes)


class Log:
    """Appends decisions to a book the way the log would: next seq, next offset, a second apart."""

    def __init__(self) -> None:
        self.book = ReleaseBook(KEYRING)
        self.records: list[tuple[ModelRelease, int]] = []
        self.now = START

    def append(self, record: ModelRelease) -> Verdict:
        """Write a record as it is."""
        self.now += SECOND
        self.records.append((record, self.now))
        return self.book.observe(record, offset=len(self.records) - 1, stamp_us=self.now)

    def propose(self, release_id: str, **changes: Any) -> ModelRelease:
        """Write a proposal that must count."""
        record = proposal(release_id, **changes)
        verdict = self.append(record)
        assert verdict.valid, verdict.why
        return record

    def decide(self, release_id: str, kind: ReleaseKind, **changes: Any) -> Verdict:
        """Write the release's next decision."""
        view = self.book.releases[release_id]
        return self.append(follow(view.proposal, kind, view.next_seq, **changes))

    def must(self, release_id: str, *kinds: ReleaseKind, **changes: Any) -> None:
        """Write decisions that must count."""
        for kind in kinds:
            verdict = self.decide(release_id, kind, **changes)
            assert verdict.valid, verdict.why

    def opened(self, release_id: str, *shares: float, **changes: Any) -> ModelRelease:
        """Propose, approve and open waves of a release for all strata."""
        record = self.propose(release_id, **changes)
        self.must(release_id, ReleaseKind.VERIFIED, ReleaseKind.APPROVED)
        for wave, share in enumerate(shares):
            self.must(release_id, ReleaseKind.WAVE_OPENED, wave=wave, share=share)
        return record

    def completed(self, release_id: str, **changes: Any) -> ModelRelease:
        """Bring a release to every device."""
        record = self.opened(release_id, 1.0, **changes)
        self.must(release_id, ReleaseKind.COMPLETED)
        return record
