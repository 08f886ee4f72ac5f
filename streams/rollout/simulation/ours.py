"""Our gate in a simulation: the production Gate, Ledger and Tally, fed with counts."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from schemas.catalogue import load_catalogue
from schemas.facts import Fact
from schemas.records import (
    Arm,
    CommandKind,
    ModelRelease,
    PartialKind,
    ReleaseKind,
    RolloutPartial,
)
from schemas.signing import Keyring, Role
from schemas.topics import (
    INFERENCE_EVENTS,
    MODEL_RELEASES,
    OTA_ACKS,
    ROLLOUT_COMMANDS,
    TopicSpec,
)
from streams.rollout.gate import Gate
from streams.rollout.ledger import Ledger
from streams.rollout.made_keys import made_signer
from streams.rollout.made_records import made_command, made_proposal
from streams.rollout.policy import Policy
from streams.rollout.simulation.counts import Counts, Group
from streams.rollout.simulation.gate import Answer, Seen, Verdict
from streams.rollout.tally import Tally

START_US: Final = 1_700_000_000_000_000
RELEASE: Final = "candidate"
PARENT: Final = "parent"
_GENERATION: Final = "simulated"
_MAX_TURNS: Final = 100
_VERDICTS: Final = {
    ReleaseKind.WAVE_OPENED: Verdict.WIDEN,
    ReleaseKind.WAVE_EXTENDED: Verdict.WIDEN,
    ReleaseKind.HELD: Verdict.HOLD,
    ReleaseKind.ROLLBACK_ORDERED: Verdict.ROLL_BACK,
    ReleaseKind.COMPLETED: Verdict.DONE,
}


class Ours:
    """Counts go in as the partials stage one would write; decisions are read back and obeyed.

    Only stage one is left out: who accepted, committed, failed or fell silent is known here.

    Args:
        policy: Ours.
        strata: Of the release.
    """

    withdraws = True

    def __init__(self, policy: Policy, strata: Sequence[str]) -> None:
        keys = {"gate": Role.GATE, "trainer": Role.TRAINER, "operator": Role.OPERATOR}
        signers = {name: made_signer(name) for name in keys}
        keyring = Keyring({name: signers[name].public(role) for name, role in keys.items()})
        self._ledger = Ledger(keyring)
        self._topics = tuple(policy.ceilings)
        sources = [(topic, 0) for topic in self._topics]
        self._tally = Tally(policy, sources, dict.fromkeys(self._topics, _GENERATION))
        self._gate = Gate(
            policy=policy,
            signer=signers["gate"],
            hardware=load_catalogue().hardware,
            ledger=self._ledger,
            tally=self._tally,
            mine=lambda release: release == RELEASE,
        )
        self._strata, self._offset, self._decided = tuple(strata), -1, -1
        self._told: dict[tuple[str, str], Counts] = {}
        for counter, name in enumerate((PARENT, RELEASE), start=1):
            record = made_proposal(
                name,
                signer=signers["trainer"],
                decided_ts=START_US,
                counter=counter,
                parent_release_id=PARENT if name == RELEASE else None,
                strata=self._strata,
                deadline_us=dict.fromkeys(self._strata, 50_000),
            )
            self._read_back(record, START_US)
        order = made_command(
            RELEASE, CommandKind.APPROVE, signer=signers["operator"], issued_ts=START_US
        )
        self._ledger.observe([_fact(ROLLOUT_COMMANDS, 0, START_US, order)])

    def judge(self, seen: Seen) -> Sequence[Answer]:
        """Decisions of the production gate about what is known now."""
        now_us = START_US + round(seen.now_s * 1e6)
        for stratum, groups in seen.strata.items():
            self._tell(stratum, groups, now_us)
        for topic in self._topics:
            self._include(PartialKind.PROGRESS, topic, "", Counts(), now_us)
        return [answer for record in self._settle(now_us) for answer in self._answers(record)]

    def _tell(self, stratum: str, groups: Sequence[Group], now_us: int) -> None:
        for topic, counts in (
            (OTA_ACKS.name, Counts.total(group.updates for group in groups)),
            (INFERENCE_EVENTS.name, Counts.total(group.latency for group in groups)),
        ):
            if self._told.get((topic, stratum), Counts()) != counts:
                self._told[topic, stratum] = counts
                self._include(PartialKind.CELL, topic, stratum, counts, now_us)

    def _include(
        self, kind: PartialKind, topic: str, stratum: str, counts: Counts, now_us: int
    ) -> None:
        self._offset += 1
        record = RolloutPartial(
            event_id=str(self._offset),
            source="simulated",
            kind=kind,
            generation=_GENERATION,
            ingest_ts=now_us,
            source_topic=topic,
            source_partition=0,
            last_offset=self._offset,
            watermark=now_us,
            release_id=RELEASE,
            stratum=stratum,
            arm=Arm.CANDIDATE,
            offered=0,
            accepted=counts.accepted,
            committed=counts.committed,
            failed=counts.failed,
            silent=counts.silent,
            deferred=0,
            critical=0,
            rolled_back=0,
            exposure_m=0.0,
            events=0,
            windows_judged=0,
            windows_over=0,
        )
        self._tally.include(record, self._offset)

    def _settle(self, now_us: int) -> Iterator[ModelRelease]:
        """Decide and read back until the gate has come to rest."""
        for _ in range(_MAX_TURNS):
            decided = self._gate.advance()
            if not decided:
                return
            for record in decided:
                self._read_back(record, now_us)
            yield from decided
        raise RuntimeError(f"the gate did not come to rest at {now_us} in {_MAX_TURNS} turns")

    def _read_back(self, record: ModelRelease, now_us: int) -> None:
        self._decided += 1
        self._ledger.observe([_fact(MODEL_RELEASES, self._decided, now_us, record)])

    def _answers(self, record: ModelRelease) -> Iterator[Answer]:
        verdict = _VERDICTS.get(record.kind)
        if verdict is not None:
            for stratum in self._strata if record.stratum is None else (record.stratum,):
                yield Answer(stratum, verdict, record.share or 0.0)


def _fact(topic: TopicSpec, offset: int, stamp_us: int, record: Any) -> Fact:
    return Fact(topic=topic.name, partition=0, offset=offset, stamp_us=stamp_us, record=record)
