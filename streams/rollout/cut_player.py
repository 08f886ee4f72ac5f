"""Plays a cut trace: at each look that led to a decision, the core is asked again.

Where the gate looked is told by `evidence.offsets` of the decisions; what it decides there is
computed again, from exactly the records up to those offsets (protocol: decisions are compare-and-
set on the log). So a trace of a run gives the run's decisions, whatever batches it was read in.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from schemas.catalogue import load_catalogue
from schemas.facts import Fact
from schemas.records import ModelRelease, PartialKind, ReleaseKind, RolloutPartial
from schemas.signing import Keyring, PublicKey, Role, role_for
from schemas.topics import MODEL_RELEASES, OTA_ACKS, ROLLOUT_COMMANDS, ROLLOUT_PARTIALS
from streams.processor import Source
from streams.rollout.gate import Gate
from streams.rollout.ledger import Ledger
from streams.rollout.made_keys import made_signer
from streams.rollout.policy import Policy
from streams.rollout.tally import Tally
from streams.rollout.trace import TraceError
from streams.rollout.trace_cutting import judged_in

_DECIDED: Final = frozenset({MODEL_RELEASES.name, ROLLOUT_COMMANDS.name})


@dataclass(frozen=True, slots=True)
class Look:
    """One decision of the run, and what the core says where it was taken.

    Attributes:
        at_us: Broker's stamp of the decision.
        recorded: The run's decision; signed by a made key of the same name.
        decided: What the core decides there; None: nothing.
    """

    at_us: int
    recorded: ModelRelease
    decided: ModelRelease | None

    @property
    def same(self) -> bool:
        """Whether it is the run's, evidence and all."""
        return self.decided == self.recorded


@dataclass(slots=True)
class CutRun:
    """The records of a cut trace by what they are to the gate; decisions bear made signatures.

    Attributes:
        decided: Records of model-releases and rollout-commands by partition, in log order.
        partials: Records of rollout-partials in log order.
        acks: Acknowledgements by partition, in log order.
    """

    decided: dict[Source, list[Fact]] = field(default_factory=dict)
    partials: list[Fact] = field(default_factory=list)
    acks: dict[int, list[Fact]] = field(default_factory=dict)
    keyring: Keyring = field(default_factory=lambda: Keyring({}))

    @classmethod
    def of(cls, facts: Iterable[Fact]) -> "CutRun":
        """Sort the facts of a trace."""
        run, roles = cls(), dict[str, set[Role]]()
        for fact in facts:
            if fact.topic in _DECIDED:
                if fact.record.signature:
                    roles.setdefault(fact.record.signer, set()).add(role_for(fact.record))
                run.decided.setdefault((fact.topic, fact.partition), []).append(_signed(fact))
            elif fact.topic == ROLLOUT_PARTIALS.name:
                run.partials.append(fact)
            elif fact.topic == OTA_ACKS.name:
                run.acks.setdefault(fact.partition, []).append(fact)
        run.keyring = Keyring({name: _public(name, held) for name, held in roles.items()})
        return run


def play_cut(release_id: str, run: CutRun, policy: Policy) -> Iterator[Look]:
    """Ask the core again at each look that led to a decision about the release.

    Raises:
        TraceError: Counts that a decision was taken from are not in the trace.
    """
    book, core = Ledger(run.keyring), _Core(run, policy)
    for fact in run.decided.get((MODEL_RELEASES.name, 0), ()):
        before = book.book.releases.get(release_id)
        seq = before.next_seq if before else 0
        book.observe([fact])
        record: ModelRelease = fact.record
        after = book.book.releases.get(release_id)
        counts = record.release_id == release_id and after is not None and after.next_seq > seq
        if counts and record.kind is not ReleaseKind.PROPOSED:
            yield Look(fact.stamp_us, record, core.decides(record))


class _Core:
    """The production gate over what had been read at a look.

    A look goes on from where the one before stood, unless it had read less: a gate that takes over
    may stand behind the one that died.
    """

    def __init__(self, run: CutRun, policy: Policy) -> None:
        self._run, self._policy = run, policy
        self._hardware = load_catalogue().hardware
        heard = (one.record for one in run.partials if one.record.kind is PartialKind.PROGRESS)
        self._sources = {(one.source_topic, one.source_partition) for one in heard}
        self._told = list(_changes(run.partials))
        self._generations: dict[str, str] = {}
        self._tally, self._counted = Tally(policy, self._sources, {}), 0
        self._ledger, self._read = Ledger(run.keyring, policy.monitor_s), dict[Source, int]()

    def decides(self, recorded: ModelRelease) -> ModelRelease | None:
        """What is decided about the release where this decision was taken."""
        partition = judged_in(recorded)
        if recorded.evidence is None or partition is None:
            raise TraceError(
                f"decision {recorded.decision_seq} of {recorded.release_id} names no offset of "
                f"{ROLLOUT_PARTIALS.name}: no gate of this project took it"
            )
        offsets = recorded.evidence.offsets
        self._read_through(offsets)
        self._count_through(offsets[f"{ROLLOUT_PARTIALS.name}/{partition}"])
        gate = Gate(
            policy=self._policy,
            signer=made_signer(recorded.signer),
            hardware=self._hardware,
            ledger=self._ledger,
            tally=self._tally,
            partition=partition,
            mine=lambda release: release == recorded.release_id,
        )
        return next(iter(gate.advance()), None)

    def _read_through(self, offsets: Mapping[str, int]) -> None:
        """Decisions and commands up to those offsets."""
        stops = {
            (topic, number): bisect_right(
                facts, offsets.get(f"{topic}/{number}", -1), key=lambda fact: fact.offset
            )
            for (topic, number), facts in self._run.decided.items()
        }
        if any(stop < self._read.get(source, 0) for source, stop in stops.items()):
            self._ledger = Ledger(self._run.keyring, self._policy.monitor_s)
            self._read = {}
        for source, stop in stops.items():
            self._ledger.observe(self._run.decided[source][self._read.get(source, 0) : stop])
        self._read = stops

    def _count_through(self, offset: int) -> None:
        """Counts up to that offset, of the generations that were the newest then."""
        partials = self._run.partials
        if not partials or partials[-1].offset < offset:
            raise TraceError(
                f"the trace holds no count at offset {offset} of {ROLLOUT_PARTIALS.name}, which "
                "a decision was taken from; cut it again"
            )
        generations = {topic: made for at, topic, made in self._told if at <= offset}
        if generations != self._generations or self._tally.last_offset > offset:
            self._tally, self._counted = Tally(self._policy, self._sources, generations), 0
            self._generations = generations
        while self._counted < len(partials) and partials[self._counted].offset <= offset:
            fact = partials[self._counted]
            self._tally.include(fact.record, fact.offset)
            self._counted += 1
        # Counts of other releases, which are not in the trace, had been read too.
        self._tally.last_offset = offset


def _changes(partials: Iterable[Fact]) -> Iterator[tuple[int, str, str]]:
    """Offset, source topic and generation wherever a topic is told of by another generation."""
    now: dict[str, str] = {}
    for fact in partials:
        told: RolloutPartial = fact.record
        if now.get(told.source_topic) != told.generation:
            now[told.source_topic] = told.generation
            yield fact.offset, told.source_topic, told.generation


def _signed(fact: Fact) -> Fact:
    """The same by a made key of the same name; what nobody trusted stays without a signature."""
    record: Any = fact.record
    if not record.signature:
        return fact
    return replace(fact, record=made_signer(record.signer).sign(record))


def _public(name: str, roles: Iterable[Role]) -> PublicKey:
    return made_signer(name).public(*roles)
