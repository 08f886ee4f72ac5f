"""A model-releases log for tests: known keys, and records that follow on one another."""

import dataclasses
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from schemas.decisions import ReleaseBook, Verdict, decision_id
from schemas.records import (
    Artifact,
    CommandKind,
    DeviceClass,
    Evidence,
    ModelRelease,
    Preconditions,
    ReleaseKind,
    RolloutCommand,
)
from schemas.signing import Keyring, Role, Signer

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


def digest_of(release_id: str) -> str:
    """The digest that tests give a release's model."""
    return release_id.encode().hex().ljust(64, "0")[:64]


def proposal(release_id: str, **changes: Any) -> ModelRelease:
    """A signed PROPOSED record for HW3, HW4 and AI5."""
    record = ModelRelease(
        event_id=decision_id(release_id, 0),
        source="simulated",
        release_id=release_id,
        kind=ReleaseKind.PROPOSED,
        decision_id=decision_id(release_id, 0),
        decision_seq=0,
        decided_ts=START,
        signer="",
        signature="",
        device_class=DeviceClass.VEHICLE,
        artifact=Artifact(
            uri=f"file:///models/{release_id}.onnx",
            digest=digest_of(release_id),
            bytes=100_000,
            format="onnx",
            opset=17,
            input_shape=(1, 32, 32, 3),
            runtime="onnxruntime",
        ),
        counter=1,
        salt=f"salt of {release_id}",
        strata=("HW3", "HW4", "AI5"),
        deadline_us={"HW3": 50_000, "HW4": 50_000, "AI5": 50_000},
        preconditions=Preconditions(parked=False, min_state_of_charge=0.0, network="any"),
        purpose="test",
        affected_functions=(),
        safety_relevant=False,
        author="trainer",
        approvers=(),
        metrics={},
        reason="test",
    )
    return TRAINER.sign(dataclasses.replace(record, **changes))


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
    record = RolloutCommand(
        event_id=f"{release_id}/{kind}/{signer.name}/{at}",
        source="simulated",
        release_id=release_id,
        command=kind,
        by=signer.name,
        reason="test",
        stratum=stratum,
        issued_ts=at,
        signer="",
        signature="",
    )
    return signer.sign(record)


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
