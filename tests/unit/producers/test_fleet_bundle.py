"""Bundles from end to end: a fleet with real ONNX models and the real gate; all members or none."""

from producers.bundles import packed
from producers.device.device import Device
from schemas.records import AckState
from schemas.strata import StratumStatus as S
from schemas.topics import OTA_ACKS
from streams.rollout.policy import Policy
from streams.rollout.rules import MetricRules
from tests.unit.producers.device import kit
from tests.unit.producers.fleet_loop import Loop

POLICY = Policy(
    metrics=MetricRules(),
    ceiling=0.2,
    holdback=0.0,
    waves=(0.5, 1.0),
    soak_s=5,
    patience_s=600,
    monitor_s=5,
    minimum_devices=5,
    rollback_settle_s=2,
)
ON_ITS_WAY = frozenset({S.APPROVED, S.OPEN, S.ROLLING_BACK})
OLD = packed({"model": kit.tiny_model(tag="old"), "lanes": kit.tiny_model(tag="old lanes")})


def members(device: Device) -> tuple[str, ...]:
    assert device.engine is not None
    return device.engine.members


def test_every_vehicle_ends_with_all_members_of_a_good_bundle() -> None:
    loop = Loop(POLICY, first=OLD)
    new = {name: kit.tiny_model(tag=f"new {name}") for name in ("model", "lanes", "lights")}
    loop.release("r2", None, body=packed(new), parent_release_id="r1")
    assert loop.drive("r2", 120, through=ON_ITS_WAY) is S.COMPLETED
    loop.play(5)
    assert set(loop.running()) == {"r2"}
    assert {members(device) for device in loop.fleet.devices} == {("model", "lanes", "lights")}


def test_a_member_that_does_not_load_takes_the_others_back_and_ends_the_release() -> None:
    loop = Loop(POLICY, first=OLD)
    body = packed({"model": kit.tiny_model(tag="new"), "lanes": b"no model"})
    loop.release("r2", None, body=body, parent_release_id="r1")
    assert loop.drive("r2", 120, through=ON_ITS_WAY) is S.ROLLED_BACK
    assert set(loop.running()) == {"r1"}
    assert {members(device) for device in loop.fleet.devices} == {("model", "lanes")}
    told = [ack for ack in loop.outbox.on(OTA_ACKS) if ack.release_id == "r2"]
    reverted = [ack for ack in told if ack.state is AckState.REVERTED]
    assert {ack.reason_code for ack in reverted} == {"DOES_NOT_LOAD"}
    # One attempt and one failure a vehicle, not one a member; and nobody committed a part.
    assert len(reverted) == len({ack.device_id for ack in reverted})
    assert {ack.state for ack in told}.isdisjoint({AckState.COMMITTED})
    assert {ack.model_digest for ack in reverted} == {kit.sha(OLD)}
