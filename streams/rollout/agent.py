"""Glue of the rollout gate: its folds and gates as one processor of the Faust runtime."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from infra.kafka.admin import Admin
from infra.keys import load_keyring, load_signer
from infra.settings import Settings
from schemas.alert_log import AlertBook
from schemas.catalogue import Hardware, load_catalogue
from schemas.codec import Codec
from schemas.decisions import ReleaseBook
from schemas.facts import Fact
from schemas.registry import registry_from
from schemas.signing import Keyring, Signer
from schemas.topics import (
    ALERTS,
    DEAD_LETTERS,
    DEVICES,
    INFERENCE_EVENTS,
    MODEL_RELEASES,
    OTA_ACKS,
    ROLLOUT_COMMANDS,
    ROLLOUT_PARTIALS,
    TopicSpec,
)
from streams.generation import generation
from streams.processor import Fold, Outgoing, Position, Source, Standing
from streams.processor import Tally as Count
from streams.rollout.ack_fold import AckFold
from streams.rollout.announcing import Announcer
from streams.rollout.event_fold import EventFold
from streams.rollout.fleet_fold import FleetFold
from streams.rollout.gate import Gate, check_key
from streams.rollout.ledger import Ledger
from streams.rollout.metrics import RATES
from streams.rollout.partials import Telling
from streams.rollout.partitioning import partition_of
from streams.rollout.policy import Policy, load_policy
from streams.rollout.refusals import dead_letter
from streams.rollout.tally import SOURCES, Tally
from streams.rollout.window_fold import WindowFold

COUNTING_VERSION: Final = "12"  # rises when a stage-one fold or its snapshot changes
TALLY_VERSION: Final = "7"

LATE: Final = "fleetloop_rollout_late_records"
LATE_TOLD: Final = "Records that no rate counts: stamped beyond lateness_s after their window."

StageOne: TypeAlias = AckFold | WindowFold | EventFold | FleetFold


class RolloutProcessor:
    """Both stages of the gate.

    Args:
        policy: The rules.
        signer: Key of the gate.
        keyring: Who may decide and order.
        hardware: The catalogue's generations.
        codec: Encodes what is dead-lettered.
        partitions: How many partitions each batched topic has.

    Raises:
        GateKeyError: The keyring would void what the signer writes.
    """

    name: Final = "rollout"
    batched: Final[Sequence[TopicSpec]] = (*SOURCES, DEVICES, ROLLOUT_PARTIALS)
    followed: Final[Sequence[TopicSpec]] = (MODEL_RELEASES, ROLLOUT_COMMANDS, ALERTS)

    def __init__(
        self,
        *,
        policy: Policy,
        signer: Signer,
        keyring: Keyring,
        hardware: Mapping[str, Hardware],
        codec: Codec,
        partitions: Mapping[str, int],
    ) -> None:
        check_key(signer, keyring)
        self._partitions = partitions
        self._targets = partitions[ROLLOUT_PARTIALS.name]
        self._policy, self._signer, self._hardware = policy, signer, hardware
        self._codec = codec
        self._ledger = Ledger(keyring, policy.monitor_s)
        self._counting: dict[Source, StageOne] = {}
        self._told: dict[Source, tuple[int, int, int]] = {}
        self._alerts = AlertBook()
        self._gates: dict[int, Gate] = {}
        self._announcers: dict[int, Announcer] = {}
        self._generations: dict[str, str] = {}

    @property
    def book(self) -> ReleaseBook:
        """The valid decisions read so far."""
        return self._ledger.book

    def generation(self, topic: TopicSpec, topic_id: str) -> str:
        """State is bound to the log, the policy as far as the stage reads it, and the code."""
        if topic.name == ROLLOUT_PARTIALS.name:
            # A tally passes over the cells of other counts: for another count it reads again.
            counted = sorted(self._generations.items())
            digest = f"{self._policy.digest}/{self._targets}/{counted}"
            return generation(topic_id, "rollout.tally", digest, TALLY_VERSION)
        # Where keys are spread anew, the attempts of one device stand in two partitions.
        digest = f"{self._policy.counting_digest}/{self._partitions[topic.name]}"
        made = generation(topic_id, f"rollout.{topic.name}", digest, COUNTING_VERSION)
        self._generations[topic.name] = made
        return made

    def fold(self, topic: str, partition: int, snapshot: bytes | None) -> Fold:
        """Make the fold of a newly assigned partition."""
        if topic == ROLLOUT_PARTIALS.name:
            return self._tally(partition, snapshot)
        made = self._counting[topic, partition] = self._stage_one(topic, snapshot)
        return made

    def drop(self, topic: str, partition: int) -> None:
        """Forget the fold of a partition that was taken away."""
        if topic == ROLLOUT_PARTIALS.name:
            self._gates.pop(partition, None)
            self._announcers.pop(partition, None)
        else:
            self._counting.pop((topic, partition), None)
            self._told.pop((topic, partition), None)

    def observe(self, facts: Sequence[Fact]) -> None:
        """Read decisions, commands, and what was said of alerts."""
        self._ledger.observe(facts)
        for fact in facts:
            if fact.topic == ALERTS.name:
                self._alerts.observe(fact.record)

    def emit(self, standing: Standing) -> Sequence[Outgoing]:
        """Counts and progress of stage one, decisions of stage two, and what was refused.

        Raises:
            EvidenceLostError: The log no longer holds all that happened to an open release.
        """
        out: list[Outgoing] = []
        for source, position in standing.partitions.items():
            # A compacted log begins where it is not compacted yet, and is no evidence anyway.
            if position.blind_before_us and source[0] != DEVICES.name:
                self._ledger.refuse_older(source, position.blind_before_us)
            fold = self._counting.get(source)
            if fold is None:
                continue
            if isinstance(fold, AckFold):
                out.extend(self._refused(source, position, fold))
            out.extend(self._counted(source, position, fold, standing.now_us))
        for partition, gate in self._gates.items():
            out.extend(self._announced(partition, gate, standing.now_us))
            out.extend(Outgoing(topic=MODEL_RELEASES, record=one) for one in gate.advance())
        return out

    def tallies(self) -> Iterator[Count]:
        """Events and distances that came too late for their calendar window."""
        for (topic, partition), fold in tuple(self._counting.items()):
            if isinstance(fold, WindowFold | EventFold):
                labels = {"topic": topic, "partition": str(partition)}
                late = fold.windows.late
                yield Count(name=LATE, told=LATE_TOLD, labels=labels, value=late)

    def _tally(self, partition: int, snapshot: bytes | None) -> Tally:
        sources = (
            (spec.name, number) for spec in SOURCES for number in range(self._partitions[spec.name])
        )
        tally = Tally(self._policy, sources, self._generations, snapshot)

        def mine(release_id: str) -> bool:
            return partition_of(release_id, self._targets) == partition

        self._announcers[partition] = Announcer(self._alerts, self._ledger.book, mine)
        self._gates[partition] = Gate(
            policy=self._policy,
            signer=self._signer,
            hardware=self._hardware,
            ledger=self._ledger,
            tally=tally,
            partition=partition,
            mine=mine,
        )
        return tally

    def _stage_one(self, topic: str, snapshot: bytes | None) -> StageOne:
        if topic == OTA_ACKS.name:
            return AckFold(self._policy, self._ledger.proposal, snapshot, self._ledger)
        if topic == INFERENCE_EVENTS.name:
            ledger = self._ledger
            told = (ledger.proposal, ledger.openings, ledger.shadow)
            return WindowFold(self._policy, *told, snapshot, ledger.retired_us)
        if topic == DEVICES.name:
            return FleetFold(snapshot)
        if topic in RATES.values():
            return EventFold(self._policy, topic, self._ledger.proposal, snapshot)
        raise ValueError(f"topic {topic} is not one of the rollout gate's")

    def _announced(self, partition: int, gate: Gate, now_us: int) -> Iterator[Outgoing]:
        """What people are told; before the next decision, which may end what holds now."""
        counted_us = gate.tally.now_us
        if counted_us is None:
            return
        for alert in self._announcers[partition].news(gate.findings(), counted_us, now_us):
            yield Outgoing(topic=ALERTS, record=alert)

    def _refused(self, source: Source, position: Position, fold: AckFold) -> Iterator[Outgoing]:
        for refused in fold.refused():
            letter = dead_letter(refused, position.topic_id, source[1], self._codec)
            yield Outgoing(topic=DEAD_LETTERS, record=letter)

    def _counted(
        self, source: Source, position: Position, fold: StageOne, now_us: int
    ) -> Iterator[Outgoing]:
        """What there is to tell of a partition, at most every `progress_s`."""
        told_at, told_us, told_through = self._told.get(source, (0, 0, -1))
        if 0 <= now_us - told_at < self._policy.progress_s * 1e6:
            return
        ingest_us = max(told_us, position.ingest_us)
        if (ingest_us, position.applied_through) == (told_us, told_through):
            return  # nothing was read since, nor was the end asked for: there is nothing new
        self._told[source] = (now_us, ingest_us, position.applied_through)
        fold.advance(ingest_us)
        telling = Telling(source, position, ingest_us, fold.watermark_us)
        if isinstance(fold, FleetFold):
            yield from self._fleets(telling, fold)
        else:
            yield from self._cells(telling, fold)

    def _fleets(self, telling: Telling, fold: FleetFold) -> Iterator[Outgoing]:
        """What a rate is a share of; it is no evidence, so nobody waits for it."""
        for (_, stratum), fleet in fold.cells.changed():
            for target in range(self._targets):
                record = telling.fleet(stratum, fleet.offered, target)
                yield Outgoing(topic=ROLLOUT_PARTIALS, record=record, partition=target)

    def _cells(
        self, telling: Telling, fold: AckFold | WindowFold | EventFold
    ) -> Iterator[Outgoing]:
        """What changed, and then to every partition how far it reaches."""
        for key, counts in fold.cells.changed():
            yield Outgoing(topic=ROLLOUT_PARTIALS, record=telling.cell(key, counts))
        if isinstance(fold, WindowFold):
            for arm in fold.arms.changed():
                yield Outgoing(topic=ROLLOUT_PARTIALS, record=telling.arm(arm))
        windows = [] if isinstance(fold, AckFold) else list(fold.windows.changed(fold.high_us))
        for target in range(self._targets):
            for key, start, count in windows:
                record = telling.window(key, start, count, target)
                yield Outgoing(topic=ROLLOUT_PARTIALS, record=record, partition=target)
            # Last: what was counted up to then stands before it in the same partition.
            record = telling.progress(target)
            yield Outgoing(topic=ROLLOUT_PARTIALS, record=record, partition=target)


def processor(settings: Settings) -> RolloutProcessor:
    """The rollout gate of an installation.

    Raises:
        PolicyError: The policy file cannot be used.
        KeysError: The gate's key or the keyring is missing or wrong.
        GateKeyError: They do not belong together.
        UnknownTopicError: A topic is missing.
    """
    found = Admin(settings.kafka).describe([spec.name for spec in RolloutProcessor.batched])
    return RolloutProcessor(
        policy=load_policy(settings.policy_file),
        signer=load_signer(settings.keys_dir, "gate"),
        keyring=load_keyring(settings.keys_dir),
        hardware=load_catalogue().hardware,
        codec=Codec(registry_from(settings.registry_url)),
        partitions={name: at.partitions for name, at in found.items()},
    )
