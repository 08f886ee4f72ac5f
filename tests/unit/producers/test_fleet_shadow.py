"""The shadow stage from end to end: real ONNX models on a fleet, its reports, the real gate."""

import pytest

from producers.device.orders import beside
from schemas.cohorts import membership
from schemas.records import ReleaseKind as K
from schemas.records import Trigger
from schemas.strata import StratumStatus as S
from schemas.topics import EDGE_CASES, INFERENCE_EVENTS
from schemas.validation import check
from streams.rollout.policy import Policy
from streams.rollout.rules import MetricRules, ShareRule
from streams.rollout.shadow_rule import ShadowRule
from tests.unit.producers.device import kit
from tests.unit.producers.device.fleet_kit import Stage
from tests.unit.producers.fleet_loop import Loop

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


@pytest.fixture
def loop() -> Loop:
    return Loop(POLICY, factor_ns=SPEEDS)


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
    kept = {one.trigger for one in loop.outbox.on(EDGE_CASES)}
    assert Trigger.SHADOW_DISAGREEMENT in kept
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
