"""A closed loop without Kafka: logs in memory, a fleet that obeys model-releases, the real gate."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from schemas.decisions import ReleaseBook
from schemas.records import AckState, CommandKind, DeviceClass, ModelRelease, OtaAck
from schemas.topics import INFERENCE_EVENTS, MODEL_RELEASES, OTA_ACKS, ROLLOUT_COMMANDS
from streams.processor import Outgoing, Source
from streams.rollout.memory_logs import LogWorker, MemoryLogs
from streams.rollout.policy import Policy, load_policy
from tests import factories
from tests.rollout_log import GATE, KEYRING, SECOND, START, command, digest_of, proposal

DEMO_POLICY: Final = load_policy(Path(__file__).parent.parent / "infra/demo/policy.yaml")
FLEET: Final[Mapping[str, int]] = {"HW3": 120, "HW4": 120, "AI5": 80}
STEP_US: Final = SECOND // 4


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong with a release: where, in which share of the devices, and from when."""

    kind: str  # INSTALL_FAILED, REVERTED, silent, late
    strata: tuple[str, ...]
    share: float = 1.0
    from_us: int = 0


@dataclass
class SimDevice:
    """One device; `off`: it does nothing and hears nothing."""

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
    off: bool = False


class Worker(LogWorker):
    """A processor with the tests' keys."""

    def __init__(
        self, logs: MemoryLogs, policy: Policy, state: Mapping[Source, Any] | None = None
    ) -> None:
        super().__init__(logs, policy, signer=GATE, keyring=KEYRING, state=state)


class World:
    """The whole loop; `run` plays it in steps of a quarter second.

    Attributes:
        install_s: Least and most time that an attempt takes.
        window_us: Length of a reporting window.
    """

    install_s = (2.0, 3.5)
    window_us = 2 * SECOND

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
        self.logs = MemoryLogs(START)
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
            self.turn()
            # All workers speak before any is read: two gates see the same log.
            for outgoing in [out for worker in self.workers for out in worker.run()]:
                self.write(outgoing)

    def write(self, outgoing: Outgoing) -> None:
        """A record of the gate arrives on its log."""
        self.logs.append(outgoing.topic, outgoing.record, outgoing.partition)

    def turn(self) -> None:
        """Every device that is on reads the log and does what is due."""
        self._follow()
        for device in self.devices:
            if not device.off:
                self._turn(device)

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
            now_us=self.logs.now,
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
        device.due_us = self.logs.now + round(device.chance.uniform(*self.install_s) * SECOND)
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
        if self.logs.now - device.window_at < self.window_us or device.running is None:
            return
        device.window_at = self.logs.now
        late = 4 if self._fault(device.running, device, ("late",)) else 0
        event = factories.inference_event(
            event_id=self._event_id(device),
            device_id=device.device_id,
            hardware=device.hardware,
            release_id=device.running,
            model_digest=digest_of(device.running),
            window_start=self.logs.now - self.window_us,
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
