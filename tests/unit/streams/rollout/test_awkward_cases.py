"""What must not go wrong in a rollout, case by case; the ids are the cases' names."""

import random
from collections.abc import Callable
from typing import Any, Final

import pytest

from schemas.catalogue import load_catalogue
from schemas.decisions import Rule
from schemas.records import AckState as A
from schemas.records import CommandKind, DeviceClass, Slot
from schemas.records import ReleaseKind as K
from streams.processor import Outgoing
from streams.rollout.cells import CellCounts
from streams.rollout.gate import Gate
from streams.rollout.ledger import Ledger
from tests.rollout_desk import POLICY as DESK_POLICY
from tests.rollout_desk import Desk
from tests.rollout_log import GATE, KEYRING, SECOND, Log, digest_of, follow
from tests.rollout_road import Road
from tests.rollout_world import Fault, Worker, World


def completed_desk() -> Desk:
    """Everybody runs r2, whose parent is r1."""
    desk = Desk()
    for number, release_id in enumerate(("r1", "r2"), 1):
        parent = "r1" if number == 2 else None
        desk.propose(release_id, counter=number, parent_release_id=parent)
        first = desk.book.releases[release_id].proposal
        for seq, kind in enumerate((K.VERIFIED, K.APPROVED, K.WAVE_OPENED, K.COMPLETED), 1):
            desk.write(follow(first, kind, seq, wave=0, share=1.0))
    desk.wait(1)
    return desk


def duplicate_or_reordered_acks() -> None:
    told = [
        {"device_id": device, "state": state}
        for device in "abcd"
        for state in (A.OFFERED, A.ACCEPTED, A.INSTALLED, A.TRIAL_BOOT, A.COMMITTED)
    ]
    plain, mixed = Road(), Road()
    plain.say(*told)
    again = [*told, *told[::3]]
    random.Random(7).shuffle(again)
    mixed.say(*again)
    assert mixed.counts == plain.counts
    assert plain.counts.committed == 4


def ack_for_an_unknown_release() -> None:
    road = Road()
    road.say({"release_id": "r9"})
    assert road.refused() == [
        ("release_id", "release r9 was not proposed when the record was written")
    ]
    assert dict(road.fold.cells.counts) == {}


def ack_of_an_older_attempt() -> None:
    road = Road()
    road.say({"attempt": 2, "state": A.COMMITTED})
    before = CellCounts(**vars_of(road.counts))
    again = {"attempt": 1, "reason_code": "INTERRUPTED"}
    road.say({**again, "state": A.INSTALL_FAILED}, {**again, "state": A.REVERTED})
    assert road.counts == before


def failure_for_good_of_an_older_attempt() -> None:
    road = Road()
    road.say({"attempt": 2, "state": A.COMMITTED})
    road.say({"attempt": 1, "state": A.INSTALL_FAILED, "reason_code": "DIGEST_MISMATCH"})
    assert (road.counts.committed, road.counts.silent) == (0, 1), "in either order"


def attempts_counted_from_zero() -> None:
    road = Road()
    road.say({"attempt": 0})
    assert road.refused() == [("attempt", "attempt 0: attempts are counted from 1")]


def ack_of_a_device_outside_its_wave() -> None:
    road = Road(share=0.5)
    road.say(*({"device_id": f"d{number}"} for number in range(100)))
    refused = road.refused()
    assert road.counts.accepted + len(refused) == 100
    assert 30 < len(refused) < 70
    field, reason = refused[0]
    assert field == "device_id"
    assert "is not in the 50.00% of HW3 that r2 was open to" in reason


def ack_with_a_model_that_was_never_released() -> None:
    road = Road()
    road.say({"state": A.COMMITTED, "model_digest": "f" * 64})
    assert road.refused() == [("model_digest", f"model {'f' * 64} was never released")]
    assert road.counts == CellCounts()


def commit_with_another_releases_model() -> None:
    road = Road()
    road.say({"state": A.COMMITTED, "model_digest": digest_of("r1")})
    assert (road.refused(), road.counts.accepted, road.counts.committed) == ([], 1, 0)


def a_device_that_claims_two_slots() -> None:
    road = Road()
    road.say({"state": A.TRIAL_BOOT, "slot": Slot.B})
    before = vars_of(road.counts)
    twice = {"state": A.COMMITTED, "slot": Slot.A, "reason_code": "SAFETY"}
    road.say(twice, twice)
    refused = road.refused()
    assert [field for field, _ in refused] == ["slot"] * 2
    assert refused[0][1].startswith("attempt 1 of device a at r2 runs in slot B, as was said first")
    assert vars_of(road.counts) == before, "neither committed nor critical"
    road.say({"state": A.COMMITTED, "slot": Slot.B})
    assert (road.refused(), road.counts.committed) == ([], 1)
    road.say({"attempt": 2, "state": A.TRIAL_BOOT, "slot": Slot.A})
    assert road.refused() == [], "another attempt may take the other slot"


def a_commit_is_not_taken_back_by_a_trial_in_another_slot() -> None:
    road = Road()
    road.say({"state": A.COMMITTED, "slot": Slot.A}, {"state": A.TRIAL_BOOT, "slot": Slot.B})
    assert [field for field, _ in road.refused()] == ["slot"]
    assert (road.counts.committed, road.counts.silent) == (1, 0)
    road.say({"state": A.COMMITTED, "slot": Slot.UNKNOWN})
    assert road.refused() == [], "who does not know its slot claims none"


def revert_after_commit() -> None:
    road = Road()
    road.say({"state": A.COMMITTED})
    road.say({"state": A.REVERTED, "reason_code": "DEADLINE_MISSES"})
    assert (road.counts.committed, road.counts.failed) == (0, 1)


def ack_after_completed() -> None:
    desk = completed_desk()
    desk.count("HW3", accepted=50, committed=10, failed=40)
    assert (desk.turn(), desk.status("HW3")) == ([], "COMPLETED")


def ack_after_rolled_back() -> None:
    desk = completed_desk()
    desk.order(CommandKind.ROLLBACK, stratum="HW3")
    desk.wait(5)
    assert desk.turn() == ["ROLLBACK_ORDERED HW3"]
    desk.wait(5)
    assert desk.turn() == ["ROLLBACK_DONE HW3"]
    desk.count("HW3", accepted=50, committed=10, failed=40)
    assert (desk.turn(), desk.status("HW3")) == ([], "ROLLED_BACK")


def device_offline_before_accepting() -> None:
    world = World(fleet={"HW3": 120})
    world.faults["r2"] = Fault(kind="INSTALL_FAILED", strata=("HW3",), share=0.8)
    for device in world.devices:
        device.running = "r1"
    world.propose("r1", 1)
    away = world.devices[:60]
    for device in away:
        device.off = True
    world.propose("r2", 2, "r1")
    world.run(12)
    assert world.statuses("r2")["HW3"] in ("ROLLING_BACK", "ROLLED_BACK")
    for device in away:
        device.off = False
    world.run(6)
    assert [device.attempts for device in away if "r2" in device.attempts] == []
    assert world.statuses("r2")["HW3"] == "ROLLED_BACK"


def device_offline_after_accepting() -> None:
    road = Road()
    road.say({})
    road.fold.advance(road.now + 10 * SECOND)
    assert (road.counts.accepted, road.counts.silent) == (1, 0)
    road.fold.advance(road.now + 10 * SECOND + 1)
    assert (road.counts.silent, road.counts.committed) == (1, 0)
    road.now += 60 * SECOND
    road.say({"state": A.COMMITTED})
    assert (road.counts.silent, road.counts.committed) == (1, 0), "what was late stays late"


def clock_skew() -> None:
    plain, skewed = Road(), Road()
    plain.say({"state": A.COMMITTED})
    skewed.say({"state": A.COMMITTED, "device_ts": 1})
    assert plain.counts == skewed.counts


def two_releases_for_one_slot() -> None:
    log = Log()
    log.opened("r1", 1.0)
    log.propose("r2", counter=2)
    log.must("r2", K.VERIFIED, K.APPROVED)
    assert not log.decide("r2", K.WAVE_OPENED, wave=0, share=1.0).valid
    target = log.book.target("d", DeviceClass.VEHICLE, "HW3", None, now_us=log.now)
    assert target.release_id == "r1"


def a_new_fix_while_a_rollback_is_under_way() -> None:
    log = Log()
    log.completed("r1")
    log.opened("r2", 1.0, counter=2, parent_release_id="r1")
    back = {"rollback_to_release_id": "r1", "rollback_to_digest": digest_of("r1")}
    log.must("r2", K.ROLLBACK_ORDERED, **back)
    log.opened("fix", 0.5, counter=3, parent_release_id="r1")
    wanted = {
        log.book.target(f"d{number}", DeviceClass.VEHICLE, "HW3", "r2", now_us=log.now).release_id
        for number in range(50)
    }
    assert wanted == {"fix", "r1"}, "who is in its wave takes the fix, the others go back"


def a_rollback_that_reaches_devices_that_were_away() -> None:
    world = World(fleet={"HW3": 120})
    for device in world.devices:
        device.running = "r1"
    world.propose("r1", 1)
    world.propose("r2", 2, "r1")
    world.run(12)
    away = [device for device in world.devices if device.running == "r2"][:5]
    for device in away:
        device.off = True
    world.order("r2", CommandKind.ROLLBACK)
    world.run(70)
    assert world.statuses("r2")["HW3"] == "ROLLING_BACK"
    assert world.book.releases["r2"].strata["HW3"].stalled
    for device in away:
        device.off = False
    world.run(6)
    assert world.statuses("r2")["HW3"] == "ROLLED_BACK"
    assert world.running("r2") == {}


def a_return_without_proof() -> None:
    road = Road()
    road.say({"state": A.COMMITTED})
    back = {"state": A.REVERTED, "reason_code": "ROLLBACK_ORDERED"}
    road.say(back)
    assert road.counts.rolled_back == 0, "it says so and runs the release"
    road.say({**back, "model_digest": digest_of("r1")})
    assert (road.counts.rolled_back, road.counts.failed) == (1, 0)


def a_gate_that_starts_again() -> None:
    desk = completed_desk()
    desk.started("r3", counter=3, parent_release_id="r2")
    desk.order(CommandKind.PAUSE, "r3")
    read_again = Ledger(KEYRING)
    read_again.observe(desk.log)
    fresh = Gate(
        policy=DESK_POLICY,
        signer=GATE,
        hardware=load_catalogue().hardware,
        ledger=read_again,
        tally=desk.tally,
    )
    assert fresh.advance() == desk.gates[0].advance() != []


def an_hour_without_a_gate() -> None:
    world = World(fleet={"HW3": 120})
    world.propose("r1", 1)
    world.run(4)
    saved = world.workers.pop().save()
    world.run(10)  # devices go on installing, and nobody counts
    assert world.running("r1")["HW3"] > 10
    world.logs.now += 3_600 * SECOND
    world.workers = [Worker(world.logs, world.policy, saved)]
    world.run(4)
    counts = [fold.cells.counts for fold in world.workers[0].processor._counting.values()]
    assert sum(cell.silent for cells in counts for cell in cells.values()) == 0
    assert world.statuses("r1")["HW3"] == "OPEN"


def records_of_the_gate_that_arrive_twice() -> None:
    plain, twice = World(fleet={"HW3": 60}), Twice(fleet={"HW3": 60})
    for world in (plain, twice):
        world.propose("r1", 1)
        world.run(33)
    assert (
        twice.statuses("r1")
        == plain.statuses("r1")
        == {"HW3": "COMPLETED", "HW4": "OPEN", "AI5": "OPEN"}
    )
    assert story(twice) == story(plain)
    assert set(twice.book.voids) == {Rule.SEQUENCE}


def story(world: World) -> list[tuple[object, ...]]:
    """The decisions about r1 without what they had read: their offsets differ."""
    decided = world.decisions("r1")
    return [(one.decision_seq, one.kind, one.stratum, one.wave, one.share) for one in decided]


class Twice(World):
    """A world in which each record of the gate is written twice."""

    def write(self, outgoing: Outgoing) -> None:
        super().write(outgoing)
        super().write(outgoing)


def vars_of(counts: CellCounts) -> dict[str, Any]:
    """The counts as they are now."""
    return {name: getattr(counts, name) for name in CellCounts.__dataclass_fields__}


CASES: Final[tuple[Callable[[], None], ...]] = (
    duplicate_or_reordered_acks,
    ack_for_an_unknown_release,
    ack_of_an_older_attempt,
    failure_for_good_of_an_older_attempt,
    attempts_counted_from_zero,
    ack_of_a_device_outside_its_wave,
    ack_with_a_model_that_was_never_released,
    commit_with_another_releases_model,
    a_device_that_claims_two_slots,
    a_commit_is_not_taken_back_by_a_trial_in_another_slot,
    revert_after_commit,
    ack_after_completed,
    ack_after_rolled_back,
    device_offline_before_accepting,
    device_offline_after_accepting,
    clock_skew,
    two_releases_for_one_slot,
    a_new_fix_while_a_rollback_is_under_way,
    a_rollback_that_reaches_devices_that_were_away,
    a_return_without_proof,
    a_gate_that_starts_again,
    an_hour_without_a_gate,
    records_of_the_gate_that_arrive_twice,
)


@pytest.mark.parametrize("case", CASES, ids=[case.__name__.replace("_", " ") for case in CASES])
def test_awkward_case(case: Callable[[], None]) -> None:
    case()
