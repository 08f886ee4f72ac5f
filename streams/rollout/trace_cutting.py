"""Which records of the log belong into the trace of one release."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from schemas.facts import Fact
from schemas.records import ModelRelease, PartialKind, ReleaseKind, RolloutPartial
from schemas.signing import Keyring, SignatureError
from schemas.topics import (
    DISENGAGEMENTS,
    EDGE_CASES,
    INFERENCE_EVENTS,
    MODEL_RELEASES,
    OTA_ACKS,
    ROLLOUT_COMMANDS,
    ROLLOUT_PARTIALS,
)
from streams.rollout.fleet_fold import NO_RELEASE

DECIDED: Final = (MODEL_RELEASES, ROLLOUT_COMMANDS)
"""Kept whole: what is open elsewhere decides as well, and every offset counts."""
BESIDE: Final = (OTA_ACKS, INFERENCE_EVENTS, DISENGAGEMENTS, EDGE_CASES, ROLLOUT_PARTIALS)
"""Of these only what belongs to the release."""


class NoReleaseError(LookupError):
    """The log does not hold the proposal of the release."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What belongs to one release.

    Attributes:
        release_id: The release.
        strata: Its hardware generations.
        from_us: Broker's stamp of its proposal.
        partition: Of rollout-partials, where it is judged; None: nothing was decided yet.
    """

    release_id: str
    strata: frozenset[str]
    from_us: int
    partition: int | None

    @classmethod
    def of(cls, release_id: str, decided: Iterable[Fact]) -> "Cut":
        """The cut of a release, from the records of model-releases.

        Raises:
            NoReleaseError: None of them proposes it; the message names what there is.
        """
        proposals: dict[str, Fact] = {}
        partition = None
        for fact in decided:
            record = fact.record
            if record.kind is ReleaseKind.PROPOSED:
                proposals.setdefault(record.release_id, fact)
            elif record.release_id == release_id and partition is None:
                partition = judged_in(record)
        if release_id not in proposals:
            known = ", ".join(sorted(proposals)) or "none"
            raise NoReleaseError(f"no proposal of {release_id}; releases there: {known}")
        found = proposals[release_id]
        return cls(release_id, frozenset(found.record.strata), found.stamp_us, partition)

    def reads(self, topic: str, partition: int) -> bool:
        """Whether anything of a partition can belong to it."""
        return topic != ROLLOUT_PARTIALS.name or partition == self.partition

    def since_us(self, topic: str) -> int:
        """Stamp before which nothing of a topic in BESIDE can belong to it."""
        return 0 if topic == ROLLOUT_PARTIALS.name else self.from_us

    def taken(self, topic: str, facts: Iterable[Fact]) -> Iterator[Fact]:
        """What belongs to it of one partition of a topic in BESIDE, in log order."""
        return self._counted(facts) if topic == ROLLOUT_PARTIALS.name else self._observed(facts)

    def _observed(self, facts: Iterable[Fact]) -> Iterator[Fact]:
        """What devices said of the release, or drove in its strata while it was there."""
        for fact in facts:
            ours = (
                fact.record.release_id == self.release_id
                if fact.topic == OTA_ACKS.name
                else fact.record.hardware in self.strata
            )
            if ours and fact.stamp_us >= self.from_us:
                yield fact

    def _counted(self, facts: Iterable[Fact]) -> Iterator[Fact]:
        """Counts the release was judged by, from one partition of rollout-partials.

        Counts are cumulative: of those before the proposal the last of each kind stands for all.
        """
        earlier: dict[tuple[object, ...], Fact] | None = {}
        for fact in facts:
            partial: RolloutPartial = fact.record
            if not self._judges_by(partial):
                continue
            if earlier is not None and fact.stamp_us < self.from_us:
                earlier[_kind_of(partial)] = fact
                continue
            if earlier is not None:
                yield from _in_order(earlier)
                earlier = None
            yield fact
        if earlier:
            yield from _in_order(earlier)

    def _judges_by(self, partial: RolloutPartial) -> bool:
        """All but the counts of other releases' devices; how many there are belongs to none."""
        whole = partial.kind is PartialKind.CELL and partial.window_start is None
        return not whole or partial.release_id in (self.release_id, NO_RELEASE)


def judged_in(decision: ModelRelease) -> int | None:
    """Partition of rollout-partials that a decision was taken from."""
    for name in decision.evidence.offsets if decision.evidence else ():
        topic, _, partition = name.rpartition("/")
        if topic == ROLLOUT_PARTIALS.name:
            return int(partition)
    return None


def trusted(facts: Iterable[Fact], keyring: Keyring) -> Iterator[Fact]:
    """Decisions and commands; one whose signature does not hold loses it, and counts for nobody."""
    for fact in facts:
        try:
            keyring.verify(fact.record, fact.stamp_us)
        except SignatureError:
            yield replace(fact, record=replace(fact.record, signature=""))
        else:
            yield fact


def _kind_of(partial: RolloutPartial) -> tuple[object, ...]:
    source = (partial.generation, partial.source_topic, partial.source_partition)
    return (*source, partial.kind, partial.release_id, partial.stratum, partial.arm,
            partial.window_start)  # fmt: skip


def _in_order(facts: Mapping[tuple[object, ...], Fact]) -> list[Fact]:
    return sorted(facts.values(), key=lambda fact: fact.offset)
