"""The shadow stage from end to end: real ONNX models on a fleet, its reports, the real gate."""

from typing import Any

import pytest

from producers.device.orders import beside
from schemas.cohorts import membership
from schemas.records import InferenceEvent
from schemas.records import ReleaseKind as K
from schemas.strata import StratumStatus as S
from schemas.topics import INFERENCE_EVENTS, MODEL_RELEASES, OTA_ACKS
from schemas.validation import check
from streams.rollout.memory_logs import LogWorker, MemoryLogs
from streams.rollout.policy import Policy
from streams.rollout.rules import MetricRules, ShareRule
from streams.rollout.shadow_rule import ShadowRule
from tests.rollout_log import GATE, KEYRING, START
from tests.unit.producers.device import kit
from tests.unit.producers.device.fleet_kit import Stage

POLICY = Policy(
    shadow=ShadowRule(minimum_encounters=120),
    metrics=MetricRules(latency=ShareRule()),
    holdback=0.0,
    waves=(0.5, 1.0),
    soak_s=5,
    patience_s=600,
    windows_over=2,
    windows_judged=3,
)
LOST = ("stop", "stop", "no entry")
"""Class names of a model that takes each yield for a stop."""
SPEEDS = {"r1": 100_000, "good": 100_000, "lost": 100_000, "slow": 60_000_000}


class Loop(Stage):
    """A fleet on r1, and the gate that reads what it reports; steps of a second."""

    def __init__(self, policy: Policy = POLICY) -> None:
        super().__init__(devices={"HW3": 24}, factor_ns=SPEEDS)
        self.logs = MemoryLogs(START)
        self.worker = LogWorker(self.logs, policy, signer=GATE, keyring=KEYRING)
        self.copied = self.sent = 0
        self.release("r1", counter=1)
        self.log.must("r1", K.COMPLETED)
        self.play(8)
        assert set(self.running()) == {"r1"}

    def drive(self, release_id: str, seconds: int) -> S:
        """Play until the release leaves its shadow, at most so long; where it stands then."""
        for _ in range(seconds):
            self.play(1)
            self._decide()
            if self.status(release_id) not in {S.APPROVED, S.SHADOW}:
                break
        return self.status(release_id)

    def status(self, release_id: str) -> S:
        return self.log.book.releases[release_id].strata["HW3"].status

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


@pytest.fixture
def loop() -> Loop:
    return Loop()


def test_a_release_that_agrees_is_opened_after_its_shadow_and_nobody_had_it_before(
    loop: Loop,
) -> None:
    first = loop.release("good", None, parent_release_id="r1")
    assert loop.drive("good", 90) is S.OPEN
    assert set(loop.running()) == {"r1"}
    told = loop.reported()
    assert {one.release_id for one in told} == {"r1"}
    assert {one.device_id for one in told} == {
        one.who.device_id
        for one in loop.fleet.devices
        if membership(first.salt, one.who.device_id) < 0.5
    }
    for one in told:
        check(INFERENCE_EVENTS, one, loop.now)
    assert sum(sum(one.shadow_encounters) for one in told) >= 120
    assert sum(one.disagreements or 0 for one in told) == 0


def test_one_class_lost_is_held_in_shadow_and_no_device_ever_runs_it(loop: Loop) -> None:
    body = kit.tiny_model(tag="lost", classes=LOST)
    loop.release("lost", None, body=body, parent_release_id="r1")
    assert loop.drive("lost", 90) is S.HELD
    view = loop.log.book.releases["lost"].strata["HW3"]
    assert "class 1: " in view.reason
    loop.play(5)
    assert view.share == 0.0
    assert set(loop.running()) == {"r1"}
    assert [device.shadow for device in loop.fleet.devices] == [None] * 24
    differing = [one.shadow_differing for one in loop.reported()]
    assert sum(one[0] + one[2] for one in differing) == 0


def test_a_slow_release_is_rejected_and_its_time_is_not_the_live_models(loop: Loop) -> None:
    loop.release("slow", None, parent_release_id="r1")
    assert loop.drive("slow", 90) is S.REJECTED
    told = loop.reported()
    assert all(one.late == 0 for one in told)
    assert sum(one.shadow_late for one in told) == sum(one.shadow_judged for one in told) > 0
    assert sum(one.shadow_busy_us for one in told) > 60_000 * sum(one.shadow_judged for one in told)


def test_a_model_that_does_not_load_is_never_opened(loop: Loop) -> None:
    loop.release("broken", None, parent_release_id="r1", artifact={"digest": "0" * 64})
    assert loop.drive("broken", 90) is S.REJECTED
    assert set(loop.running()) == {"r1"}
    assert all(one.late == 0 and one.produced == one.expected for one in loop.reported())


def test_a_device_without_a_model_or_with_the_release_itself_runs_nothing_beside() -> None:
    stage = Stage(devices={"HW3": 1})
    stage.release("r1", None)
    stage.log.must("r1", K.SHADOW_OPENED, share=1.0)
    who = stage.fleet.devices[0].who
    assert beside(stage.log.book, who, None) is None
    assert beside(stage.log.book, who, kit.model("r1")) is None
    assert beside(stage.log.book, who, kit.model("r0")) is not None
