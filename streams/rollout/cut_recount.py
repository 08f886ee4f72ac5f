"""Counts the acknowledgements of a cut trace again, and says where the run had counted others."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from schemas.facts import Fact
from schemas.records import PartialKind, RolloutPartial
from schemas.topics import OTA_ACKS
from streams.rollout.ack_fold import AckFold
from streams.rollout.batches import Batches
from streams.rollout.cells import CellCounts
from streams.rollout.cut_player import CutRun
from streams.rollout.ledger import Ledger
from streams.rollout.outcomes import AttemptCounts
from streams.rollout.policy import Policy


@dataclass(frozen=True, slots=True)
class Miscount:
    """A count of the run that its acknowledgements do not give.

    Attributes:
        partial: The run's.
        counted: What the acknowledgements up to its offset give, by name.
    """

    partial: RolloutPartial
    counted: Mapping[str, int]

    def told(self) -> str:
        """For people."""
        one = self.partial
        differ = ", ".join(
            f"{name}={getattr(one, name)}, counted again {count}"
            for name, count in self.counted.items()
            if getattr(one, name) != count
        )
        return (
            f"{one.source_topic}/{one.source_partition} through {one.last_offset}, "
            f"{one.release_id} in {one.stratum}: {differ}"
        )


def recount(release_id: str, run: CutRun, policy: Policy) -> Iterator[Miscount]:
    """Compare every device count of the release with its acknowledgements.

    An acknowledgement is judged by facts that no later record changes, so all decisions are read
    first, as the worker reads past the newest record of a batch.
    """
    ledger = Ledger(run.keyring, policy.monitor_s)
    for facts in run.decided.values():
        ledger.observe(facts)
    told: dict[int, list[RolloutPartial]] = {}
    for fact in run.partials:
        partial: RolloutPartial = fact.record
        cell = partial.kind is PartialKind.CELL and partial.window_start is None
        if cell and partial.source_topic == OTA_ACKS.name and partial.release_id == release_id:
            told.setdefault(partial.source_partition, []).append(partial)
    for partition, cells in told.items():
        yield from _compared(run.acks.get(partition, ()), cells, ledger, policy)


def _compared(
    acks: Sequence[Fact], cells: Sequence[RolloutPartial], ledger: Ledger, policy: Policy
) -> Iterator[Miscount]:
    batches, taken = Batches(), 0
    fold = AckFold(policy, ledger.proposal, None, ledger)
    reached = (-1, 0)
    for partial in cells:
        if (place := (partial.last_offset, partial.ingest_ts)) < reached:
            continue  # told again by a worker that went on from an older state
        reached, start = place, taken
        while taken < len(acks) and acks[taken].offset <= partial.last_offset:
            taken += 1
        if taken > start:
            fold.apply(batches.of(acks[start:taken]))
        fold.advance(partial.ingest_ts)
        counts = fold.cells.counts.get((partial.release_id, partial.stratum), CellCounts())
        again = {name: getattr(counts, name) for name in AttemptCounts._fields}
        if any(getattr(partial, name) != count for name, count in again.items()):
            yield Miscount(partial, again)
