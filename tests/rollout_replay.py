"""Must a decision be what it is? The core is fed exactly what the decision says it had read."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from schemas.catalogue import load_catalogue
from schemas.decisions import ReleaseBook
from schemas.facts import Fact
from schemas.records import ModelRelease
from schemas.signing import Keyring, Signer
from schemas.topics import MODEL_RELEASES, ROLLOUT_COMMANDS, ROLLOUT_PARTIALS
from streams.processor import Source
from streams.rollout.gate import Gate
from streams.rollout.ledger import Ledger
from streams.rollout.policy import Policy
from streams.rollout.tally import SOURCES, Tally

Records = Mapping[Source, Sequence[tuple[int, Any]]]
"""Stamp and record by place: every log from its beginning."""


def counted(records: Records, keyring: Keyring) -> list[ModelRelease]:
    """The decisions that count, proposals too, in log order."""
    book = ReleaseBook(keyring)
    return [
        record
        for offset, (stamp, record) in enumerate(records[MODEL_RELEASES.name, 0])
        if book.observe(record, offset=offset, stamp_us=stamp).valid
    ]


def replayed(
    records: Records, record: ModelRelease, policy: Policy, gate: Signer, keyring: Keyring
) -> list[ModelRelease]:
    """What the core decides about the release after exactly the records up to the offsets."""
    assert record.evidence is not None
    offsets = record.evidence.offsets
    (name,) = (key for key in offsets if key.startswith(ROLLOUT_PARTIALS.name))
    partition = int(name.rsplit("/", 1)[1])
    core = Gate(
        policy=policy,
        signer=gate,
        hardware=load_catalogue().hardware,
        ledger=_ledger(records, offsets, keyring, policy),
        tally=_tally(records, policy, partition, offsets[name]),
        partition=partition,
        mine=lambda release: release == record.release_id,
    )
    return core.advance()


def unlike(
    records: Records, record: ModelRelease, policy: Policy, gate: Signer, keyring: Keyring
) -> Iterator[str]:
    """Says so when a decision of the gate is not what the core decides at its place."""
    if record.evidence is None:
        return
    again = replayed(records, record, policy, gate, keyring)
    if again != [record]:
        yield f"{told(record)}: replayed it is {[told(one) for one in again]}"


def told(record: ModelRelease) -> str:
    """A decision in a few words."""
    return f"{record.release_id} {record.decision_seq} {record.kind} {record.stratum or 'all'}"


def _ledger(
    records: Records, offsets: Mapping[str, int], keyring: Keyring, policy: Policy
) -> Ledger:
    ledger = Ledger(keyring, policy.monitor_s)
    for spec in (MODEL_RELEASES, ROLLOUT_COMMANDS):
        for number in range(spec.partitions):
            through = offsets.get(f"{spec.name}/{number}", -1)
            log = records.get((spec.name, number), ())[: through + 1]
            ledger.observe(
                [
                    Fact(topic=spec.name, partition=number, offset=at, stamp_us=stamp, record=one)
                    for at, (stamp, one) in enumerate(log)
                ]
            )
    return ledger


def _tally(records: Records, policy: Policy, partition: int, through: int) -> Tally:
    partials = [one for _, one in records[ROLLOUT_PARTIALS.name, partition]]
    tally = Tally(
        policy,
        [(spec.name, number) for spec in SOURCES for number in range(spec.partitions)],
        {partial.source_topic: partial.generation for partial in partials},
    )
    for offset, partial in enumerate(partials[: through + 1]):
        tally.include(partial, offset)
    return tally
