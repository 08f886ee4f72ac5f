"""A closed loop in memory: devices with real ONNX models, their reports, and the real gate."""

from collections.abc import Set as AbstractSet
from typing import Any

from producers.camera.camera import Camera
from schemas.records import InferenceEvent
from schemas.records import ReleaseKind as K
from schemas.strata import StratumStatus as S
from schemas.topics import INFERENCE_EVENTS, MODEL_RELEASES, OTA_ACKS
from streams.rollout.memory_logs import LogWorker, MemoryLogs
from streams.rollout.policy import Policy
from tests.rollout_log import GATE, KEYRING, START
from tests.unit.producers.device.fleet_kit import Stage


class Loop(Stage):
    """24 devices on r1, and the gate that reads what they report; steps of a second.

    Args:
        factor_ns: CPU time of one inference, by release.
        first: The model file of r1.
        hardware: Of the devices.
        released: What proposals say besides, of r1 too.
        scenario: Of the devices.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        factor_ns: dict[str, int] | None = None,
        first: bytes | None = None,
        hardware: str = "HW3",
        released: dict[str, Any] | None = None,
        camera: Camera | None = None,
        **scenario: Any,
    ) -> None:
        super().__init__(devices={hardware: 24}, factor_ns=factor_ns, camera=camera, **scenario)
        self.hardware = hardware
        self.logs = MemoryLogs(START)
        self.worker = LogWorker(self.logs, policy, signer=GATE, keyring=KEYRING)
        self.copied = self.sent = 0
        self.release("r1", body=first, counter=1, **(released or {}))
        self.log.must("r1", K.COMPLETED)
        self.play(8)
        assert set(self.running()) == {"r1"}

    def drive(
        self,
        release_id: str,
        seconds: int,
        *,
        through: AbstractSet[S] = frozenset({S.APPROVED, S.SHADOW}),
    ) -> S:
        """Play until the release stands elsewhere, at most so long; where it stands then."""
        for _ in range(seconds):
            self.play(1)
            self._decide()
            if self.status(release_id) not in through:
                break
        return self.status(release_id)

    def status(self, release_id: str) -> S:
        return self.log.book.releases[release_id].strata[self.hardware].status

    def reported(self) -> list[InferenceEvent]:
        """Windows in which a shadow ran."""
        return [one for one in self.outbox.on(INFERENCE_EVENTS) if one.shadow_release_id]

    def _decide(self) -> None:
        said: list[Any] = [None]
        while said:
            self._copy()
            said = self.worker.run()
            for one in said:
                if one.topic is MODEL_RELEASES:
                    self.log.now = max(self.log.now, self.now)
                    verdict = self.log.append(one.record)
                    assert verdict.valid, verdict.why
                else:
                    self.logs.append(one.topic, one.record, one.partition)

    def _copy(self) -> None:
        for record, stamp in self.log.records[self.copied :]:
            self.logs.now = max(self.logs.now, stamp)
            self.logs.append(MODEL_RELEASES, record)
        self.copied = len(self.log.records)
        self.logs.now = max(self.logs.now, self.now)
        for topic, record in self.outbox.sent[self.sent :]:
            for spec in (INFERENCE_EVENTS, OTA_ACKS):
                if topic == spec.name:
                    self.logs.append(spec, record)
        self.sent = len(self.outbox.sent)
