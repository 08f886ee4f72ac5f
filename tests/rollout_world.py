"""A closed loop without Kafka: logs in memory, a fleet that obeys model-releases, the real gate."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from schemas.catalogue import load_catalogue
from schemas.codec import Codec
from schemas.columns import ColumnDecoder
from schemas.decisions import ReleaseBook
from schemas.facts import Fact
from schemas.records import AckState, CommandKind, DeviceClass, ModelRelease, OtaAck
from schemas.registry import FileRegistry
from schemas.topics import (
    DISENGAGEMENTS,
    INFERENCE_EVENTS,
    MODEL_RELEASES,
    OTA_ACKS,
    ROLLOUT_COMMANDS,
    ROLLOUT_PARTIALS,
    TopicSpec,
)
from streams.processor import Fold, LogBatch, Outgoing, Position, Source, Standing
from streams.rollout.agent import RolloutProcessor
from streams.rollout.partitioning import partition_of
from streams.rollout.policy import Policy, load_policy
from tests import factories
from tests.rollout_log import GATE, KEYRING, SECOND, START, command, digest_of, proposal

DEMO_POLICY: Final = load_policy(Path(__file__).parent.parent / "infra/demo/policy.yaml")
FLEET: Final[Mapping[str, int]] = {"HW3": 120, "HW4": 120, "AI5": 80}
STEP_US: Final = SECOND // 4
WINDOW_US: Final = 2 * SECOND
_BATCHED: Final = (OTA_ACKS, INFERENCE_EVENTS, DISENGAGEMENTS, ROLLOUT_PARTIALS)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong with a release: where, in which share of the devices, and from when."""

    kind: str  # INSTALL_FAILED, REVERTED, silent, late
    strata: tuple[str, ...]
    share: float = 1.0
    from_us: int = 0


@dataclass
class SimDevice:
    """One device: an attempt takes about four seconds, a window two."""

    device_id: str
    hardware: str
    chance: random.Random
    running: str | None = None
    attempting: str | None = None
    due_us: int = 0
    window_at: int = 0
    sequence: int = 0
    attempts: dict[str, int] = field(default_factory=dict)
    previous: str | None = None
    trial: bool = False


class Logs:
    """Topics in memory, stamped by one clock."""

    def __init__(self) -> None:
        self.records: dict[Source, list[tuple[int, Any]]] = {}
        self.now = START

    def append(self, spec: TopicSpec, record: Any, partition: int | None = None) -> None:
        """Write a record where its key belongs."""
        if partition is None:
            partition = partition_of(str(getattr(record, spec.key)), spec.partitions)
        self.records.setdefault((spec.name, partition), []).append((self.now, record))

    def of(self, spec: TopicSpec) -> list[Any]:
        """Every record of a topic, by partition."""
        return [
            record
            for number in range(spec.partitions)
            for _, record in self.records.get((spec.name, number), [])
        ]


class Worker:
    """A processor with all partitions, fed from the logs as the runtime would."""

    def __init__(
        self, logs: Logs, policy: Policy, state: Mapping[Source, Any] | None = None
    ) -> None:
        registry = FileRegistry()
        self._logs, self._codec = logs, Codec(registry)
        self._decoder = ColumnDecoder(registry)
        self._facts_at: dict[Source, int] = {}
        self.processor = RolloutProcessor(
            policy=policy,
            signer=GATE,
            keyring=KEYRING,
            hardware=load_catalogue().hardware,
            codec=self._codec,
            partitions={spec.name: spec.partitions for spec in _BATCHED},
        )
        self.generations = {
            spec.name: self.processor.generation(spec, f"id-{spec.name}")
            for spec in self.processor.batched
        }
        self._observe()
        self._folds: dict[Source, Fold] = {}
        self._at: dict[Source, tuple[int, int]] = {}
        for spec in _BATCHED:
            for number in range(spec.partitions):
                self._open(spec, number, (state or {}).get((spec.name, number)))

    def _open(self, spec: TopicSpec, number: int, saved: Any) -> None:
        source = (spec.name, number)
        snapshot, at = saved or (None, (-1, 0))
        self._folds[source] = self.processor.fold(spec.name, number, snapshot)
        self._at[source] = at

    def save(self) -> dict[Source, Any]:
        """Checkpoints of all partitions."""
        return {source: (fold.snapshot(), self._at[source]) for source, fold in self._folds.items()}

    def run(self) -> list[Outgoing]:
        """Read everything there is, as the runtime does, and say what is to be published."""
        self._observe()
        for source, fold in self._folds.items():
            batch = self._batch(source)
            if batch is not None:
                fold.apply(batch)
                self._at[source] = (batch.last_offset, batch.high_stamp_us)
        return list(self.processor.emit(self._standing()))

    def _observe(self) -> None:
        for spec in (MODEL_RELEASES, ROLLOUT_COMMANDS):
            for number in range(spec.partitions):
                source = (spec.name, number)
                log, begin = self._logs.records.get(source, []), self._facts_at.get(source, 0)
                self._facts_at[source] = len(log)
                self.processor.observe(
                    [
                        Fact(
                            topic=spec.name,
                            partition=number,
                            offset=begin + at,
                            stamp_us=stamp,
                            record=record,
                        )
                        for at, (stamp, record) in enumerate(log[begin:])
                    ]
                )

    def _batch(self, source: Source) -> LogBatch | None:
        begin = self._at[source][0] + 1
        news = self._logs.records.get(source, [])[begin:]
        if not news:
            return None
        values = [self._codec.encode(source[0], record) for _, record in news]
        columns = self._decoder.decode(source[0], values)
        assert not columns.refusals
        stamps = np.array([stamp for stamp, _ in news], dtype=np.int64)
        return LogBatch(
            topic=source[0],
            partition=source[1],
            rows=columns.rows,
            offsets=np.arange(begin, begin + len(news)),
            stamps_us=stamps,
            last_offset=begin + len(news) - 1,
            high_stamp_us=max(self._at[source][1], int(stamps.max())),
        )

    def _standing(self) -> Standing:
        return Standing(
            now_us=self._logs.now,
            partitions={
                source: Position(
                    topic_id=f"id-{source[0]}",
                    generation=self.generations[source[0]],
                    applied_through=offset,
                    end_offset=len(self._logs.records.get(source, [])),
                    asked_us=self._logs.now,
                    high_stamp_us=stamp,
                )
                for source, (offset, stamp) in self._at.items()
            },
        )


class World:
    """The whole loop; `run` plays it in steps of a quarter second."""

    def __init__(
        self,
        *,
        seed: int = 1,
        policy: Policy = DEMO_POLICY,
        faults: Mapping[str, Fault] | None = None,
        fleet: Mapping[str, int] = FLEET,
        workers: int = 1,
        approve: bool = True,
    ) -> None:
        self.logs = Logs()
        self.faults = dict(faults or {})
        self.policy, self.approve = policy, approve
        chance = random.Random(seed)
        self.devices = [
            SimDevice(f"{hardware}-{number}", hardware, random.Random(chance.random()))
            for hardware, count in fleet.items()
            for number in range(count)
        ]
        self.book = ReleaseBook(KEYRING)
        self._read = 0
        self.workers = [Worker(self.logs, policy) for _ in range(workers)]

    def propose(self, release_id: str, counter: int, parent: str | None = None) -> None:
        """Write a proposal, and the operator's approval of it."""
        record = proposal(release_id, counter=counter, parent_release_id=parent)
        self.logs.append(MODEL_RELEASES, record)
        if self.approve:
            self.order(release_id, CommandKind.APPROVE)

    def order(self, release_id: str, kind: CommandKind, stratum: str | None = None) -> None:
        """Write an operator's command."""
        record = command(release_id, kind, stratum=stratum, at=self.logs.now)
        self.logs.append(ROLLOUT_COMMANDS, record)

    def run(self, seconds: float) -> None:
        """Let the loop turn."""
        for _ in range(round(seconds * SECOND / STEP_US)):
            self.logs.now += STEP_US
            self._follow()
            for device in self.devices:
                self._turn(device)
            # All workers speak before any is read: two gates see the same log.
            for outgoing in [out for worker in self.workers for out in worker.run()]:
                self.logs.append(outgoing.topic, outgoing.record, outgoing.partition)

    def statuses(self, release_id: str) -> dict[str, str]:
        """Where the release stands, by stratum."""
        self._follow()
        strata = self.book.releases[release_id].strata
        return {name: view.status.value for name, view in strata.items()}

    def decisions(self, release_id: str) -> list[ModelRelease]:
        """The release's valid decisions in log order."""
        book = ReleaseBook(KEYRING)
        return [
            record
            for offset, (stamp, record) in enumerate(self.logs.records[MODEL_RELEASES.name, 0])
            if book.observe(record, offset=offset, stamp_us=stamp).valid
            and record.release_id == release_id
        ]

    def seconds_of(self, release_id: str) -> Iterator[tuple[str, str | None, float]]:
        """(kind, stratum, seconds since the start) of every record about the release."""
        for stamp, record in self.logs.records[MODEL_RELEASES.name, 0]:
            if record.release_id == release_id:
                yield record.kind.value, record.stratum, (stamp - START) / SECOND

    def running(self, release_id: str) -> dict[str, int]:
        """How many devices run the release, by hardware."""
        found = [device.hardware for device in self.devices if device.running == release_id]
        return {hardware: found.count(hardware) for hardware in sorted(set(found))}

    def _follow(self) -> None:
        log: Sequence[Any] = self.logs.records.get((MODEL_RELEASES.name, 0), [])
        for offset in range(self._read, len(log)):
            stamp, record = log[offset]
            self.book.observe(record, offset=offset, stamp_us=stamp)
        self._read = len(log)

    def _turn(self, device: SimDevice) -> None:
        target = self.book.target(
            device.device_id,
            DeviceClass.VEHICLE,
            device.hardware,
            device.running,
            device.attempting,
        ).release_id
        if device.attempting is not None:
            self._go_on(device, target)
        elif target != device.running and target is not None:
            self._begin(device, target)
        self._report(device)

    def _begin(self, device: SimDevice, target: str) -> None:
        left = device.running
        if left is not None and self._withdrawn(left, device.hardware):
            device.running = target
            self._ack(device, left, AckState.REVERTED, "ROLLBACK_ORDERED")
            return
        if target in device.attempts:
            return
        device.attempts[target] = 1
        device.attempting, device.previous = target, device.running
        device.due_us = self.logs.now + round(device.chance.uniform(2.0, 3.5) * SECOND)
        self._ack(device, target, AckState.OFFERED)
        self._ack(device, target, AckState.ACCEPTED)

    def _go_on(self, device: SimDevice, target: str | None) -> None:
        release = device.attempting
        assert release is not None
        if target != release:
            device.attempting = None
            self._ack(device, release, AckState.REVERTED, "ROLLBACK_ORDERED")
        elif self.logs.now >= device.due_us:
            device.attempting = None
            fault = self._fault(release, device, ("INSTALL_FAILED", "REVERTED", "silent"))
            if fault is None:
                device.running = release
                self._ack(device, release, AckState.COMMITTED)
            elif fault.kind != "silent":
                self._ack(device, release, AckState(fault.kind), "BAD")

    def _report(self, device: SimDevice) -> None:
        if self.logs.now - device.window_at < WINDOW_US or device.running is None:
            return
        device.window_at = self.logs.now
        late = 4 if self._fault(device.running, device, ("late",)) else 0
        event = factories.inference_event(
            event_id=self._event_id(device),
            device_id=device.device_id,
            hardware=device.hardware,
            release_id=device.running,
            model_digest=digest_of(device.running),
            window_start=self.logs.now - WINDOW_US,
            window_end=self.logs.now,
            expected=4,
            produced=4,
            warmup=0,
            late=late,
            latency=factories.latency_histogram(4),
        )
        self.logs.append(INFERENCE_EVENTS, event)

    def _ack(self, device: SimDevice, release: str, state: AckState, reason: str = "") -> None:
        ack: OtaAck = factories.ota_ack(
            event_id=self._event_id(device),
            device_id=device.device_id,
            hardware=device.hardware,
            release_id=release,
            model_digest=digest_of(device.running) if device.running else None,
            attempt=1,
            state=state,
            reason_code=reason,
        )
        self.logs.append(OTA_ACKS, ack)

    def _fault(self, release: str, device: SimDevice, kinds: tuple[str, ...]) -> Fault | None:
        fault = self.faults.get(release)
        if fault is None or fault.kind not in kinds or device.hardware not in fault.strata:
            return None
        if self.logs.now < fault.from_us:
            return None
        hit = random.Random(f"{release}{device.device_id}").random() < fault.share
        return fault if hit else None

    def _withdrawn(self, release: str, hardware: str) -> bool:
        return self.book.releases[release].strata[hardware].rollback_to is not None

    def _event_id(self, device: SimDevice) -> str:
        device.sequence += 1
        return f"{device.device_id}/1/{device.sequence}"
