"""The update client: every step, every way out, and orders that come twice or too late."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from producers.device.client.attempt import Phase
from producers.device.client.steps import TRIAL_BOOTS
from producers.device.flash import Flash, Tried
from producers.device.flash_json import from_json, to_json
from producers.device.slots import Slots
from producers.device.wishes import GiveUp, GoBack, Install, Refuse, Withdrawn
from schemas.records import AckState as A
from schemas.records import Preconditions, Slot
from tests.unit.producers.device.kit import NOW, SECOND, Phone, model

R1, R2, R3 = model("r1"), model("r2", wave=1), model("r3", wave=2)
STEPS = [A.OFFERED, A.ACCEPTED, A.DOWNLOADED, A.VERIFIED, A.INSTALLED, A.TRIAL_BOOT]
LOST = Withdrawn(release_id="r2", wave=1)


def running(first: Any = R1) -> Phone:
    return Phone(Flash(boot=7, registered_ts=NOW, slots=Slots(a=first)))


def committed() -> Phone:
    phone = running()
    phone.run(Install(model=R2), 8)
    phone.outbox.sent.clear()
    return phone


def test_an_update_goes_through_every_step_and_commits_in_the_other_slot() -> None:
    phone = running()
    phone.run(Install(model=R2), 8)
    assert phone.states == [(state, "") for state in (*STEPS, A.COMMITTED)]
    assert [ack.seq for ack in phone.acks] == list(range(7))
    assert {ack.attempt for ack in phone.acks} == {1}
    assert {ack.wave for ack in phone.acks} == {1}
    assert {ack.boot_id for ack in phone.acks} == {"7"}
    before, after = phone.acks[0], phone.acks[-1]
    assert (before.slot, before.model_digest) == (Slot.A, R1.digest)
    assert (after.slot, after.model_digest) == (Slot.B, R2.digest)
    assert phone.flash.slots == Slots(a=R1, b=R2, active=Slot.B)


def test_event_ids_rise_by_one_within_a_boot() -> None:
    phone = running()
    phone.run(Install(model=R2), 8)
    assert [ack.event_id for ack in phone.acks] == [f"hw3-00001/7/{n}" for n in range(7)]


def test_the_first_model_of_a_device_is_an_update_like_any_other() -> None:
    phone = Phone()
    phone.run(Install(model=R1), 8)
    assert phone.states[-1] == (A.COMMITTED, "")
    assert phone.acks[0].model_digest is None
    assert phone.flash.slots.running == R1


def test_the_same_order_again_and_again_changes_nothing() -> None:
    phone = committed()
    phone.run(Install(model=R2), 5)
    phone.run(None, 5)
    assert phone.acks == []


@pytest.mark.parametrize(
    ("trouble", "ends"),
    [
        ({"wrong": True}, (A.INSTALL_FAILED, "DIGEST_MISMATCH")),
        ({"broken": True}, (A.INSTALL_FAILED, "DOWNLOAD_FAILED")),
        ({"refuses": True}, (A.REVERTED, "DOES_NOT_LOAD")),
        ({"late": True}, (A.REVERTED, "DEADLINE_MISSES")),
        ({"mute": True}, (A.REVERTED, "NO_ANSWER")),
    ],
)
def test_every_failure_leaves_the_old_model_running(
    trouble: dict[str, bool], ends: tuple[A, str]
) -> None:
    phone = running()
    if "wrong" in trouble:
        phone.files.wrong.add(R2.uri)
    if "broken" in trouble:
        phone.files.broken.add(R2.uri)
    if "refuses" in trouble:
        phone.refuses.add("r2")
    phone.run(Install(model=R2), 5.5, late="late" in trouble, answers="mute" not in trouble)
    finals = [at for at in phone.states if at[0] not in STEPS]
    assert finals[0] == ends
    assert phone.flash.slots.running == R1
    assert not phone.flash.slots.trial
    final = next(ack for ack in phone.acks if ack.state is ends[0])
    assert (final.slot, final.model_digest) == (Slot.A, R1.digest)


@pytest.mark.parametrize("trouble", ["wrong", "refuses"])
def test_what_is_not_transient_is_not_tried_again(trouble: str) -> None:
    phone = running()
    phone.files.wrong |= {R2.uri} if trouble == "wrong" else set()
    phone.refuses |= {"r2"} if trouble == "refuses" else set()
    phone.run(Install(model=R2), 60)
    assert [ack.state for ack in phone.acks].count(A.OFFERED) == 1


def test_a_failed_download_is_tried_three_times_with_growing_pauses() -> None:
    phone = running()
    phone.files.broken.add(R2.uri)
    phone.run(Install(model=R2), 120)
    offers = [ack for ack in phone.acks if ack.state is A.OFFERED]
    failures = [ack for ack in phone.acks if ack.state is A.INSTALL_FAILED]
    assert [ack.attempt for ack in offers] == [1, 2, 3]
    assert [ack.attempt for ack in failures] == [1, 2, 3]
    pauses = [
        offer.device_ts - failure.device_ts
        for failure, offer in zip(failures, offers[1:], strict=False)
    ]
    assert pauses[0] == pytest.approx(5 * SECOND, abs=SECOND)
    assert pauses[1] == pytest.approx(10 * SECOND, abs=SECOND)


def test_a_download_that_works_the_second_time_commits_as_attempt_two() -> None:
    phone = running()
    phone.files.broken.add(R2.uri)
    phone.run(Install(model=R2), 2)
    phone.files.broken.clear()
    phone.run(Install(model=R2), 20)
    assert (phone.acks[-1].state, phone.acks[-1].attempt) == (A.COMMITTED, 2)
    assert [ack.seq for ack in phone.acks if ack.attempt == 2] == list(range(7))


@pytest.mark.parametrize(
    ("needed", "changes", "reason"),
    [
        (Preconditions(parked=True, min_state_of_charge=0, network="ANY"), {"parked": False},
         "NOT_PARKED"),
        (Preconditions(parked=False, min_state_of_charge=0.5, network="ANY"),
         {"state_of_charge": 0.49}, "LOW_CHARGE"),
        (Preconditions(parked=False, min_state_of_charge=0, network="WIFI"),
         {"network": "CELLULAR"}, "NO_NETWORK"),
    ],
)  # fmt: skip
def test_a_precondition_that_does_not_hold_defers_once_and_then_accepts(
    needed: Preconditions, changes: dict[str, Any], reason: str
) -> None:
    phone = running()
    ready, phone.held = phone.held, replace(phone.held, **changes)
    wish = Install(model=R2, preconditions=needed)
    phone.run(wish, 9)
    assert phone.states == [(A.OFFERED, ""), (A.DEFERRED, reason)]
    phone.held = ready
    phone.run(wish, 10)
    assert phone.states[2:] == [(state, "") for state in (*STEPS[1:], A.COMMITTED)]
    assert {ack.attempt for ack in phone.acks} == {1}


def test_an_offer_falls_when_the_release_is_held_but_an_accepted_attempt_goes_on() -> None:
    offered = Phone(accept_s=5)
    offered.run(Install(model=R2), 1)
    offered.run(None, 20)
    assert offered.states == [(A.OFFERED, "")]
    accepted = running()
    accepted.run(Install(model=R2), 1)
    accepted.run(None, 20)
    assert accepted.states[-1] == (A.COMMITTED, "")


def test_another_release_waits_until_the_accepted_attempt_is_over() -> None:
    phone = running()
    phone.run(Install(model=R2), 1)
    phone.run(Install(model=R3), 20)
    commits = [ack.release_id for ack in phone.acks if ack.state is A.COMMITTED]
    assert commits == ["r2", "r3"]


@pytest.mark.parametrize("after_s", [0.5, 1.5, 2.5, 3.5, 4.5])
def test_a_rollback_in_any_step_leaves_the_old_model_and_says_so(after_s: float) -> None:
    phone = running()
    phone.run(Install(model=R2), after_s)
    phone.run(GiveUp(withdrawn=LOST), 3)
    assert phone.states[-1] == (A.REVERTED, "ROLLBACK_ORDERED")
    assert phone.acks[-1].model_digest == R1.digest
    assert phone.flash.slots.running == R1
    assert [at[0] for at in phone.states].count(A.REVERTED) == 1


def test_a_rollback_in_trial_runs_the_old_model_again() -> None:
    phone = running()
    phone.run(Install(model=R2), 3.5)
    assert phone.ota.attempt is not None
    assert phone.ota.attempt.phase is Phase.HEALTH
    phone.run(GiveUp(withdrawn=LOST), 0)
    assert phone.loads == ["r2", "r1"]


def test_an_order_back_switches_to_the_other_slot_without_a_download() -> None:
    phone = committed()
    phone.files.broken.add(R1.uri)
    phone.run(GoBack(withdrawn=LOST, to=R1), 3)
    (ack,) = phone.acks
    assert (ack.state, ack.reason_code) == (A.REVERTED, "ROLLBACK_ORDERED")
    assert (ack.release_id, ack.attempt, ack.seq, ack.wave) == ("r2", 1, 7, 1)
    assert (ack.model_digest, ack.slot) == (R1.digest, Slot.A)
    assert phone.flash.slots == Slots(a=R1)


def test_a_release_that_was_ordered_back_is_not_taken_again() -> None:
    phone = committed()
    phone.run(GoBack(withdrawn=LOST, to=R1), 3)
    phone.outbox.sent.clear()
    phone.run(Install(model=R2), 10)
    assert phone.acks == []


def test_the_way_back_is_downloaded_when_the_other_slot_lost_it() -> None:
    phone = Phone(Flash(boot=7, registered_ts=NOW, slots=Slots(a=R2)))
    phone.run(GoBack(withdrawn=LOST, to=R1), 10)
    assert [(ack.release_id, ack.state) for ack in phone.acks[-2:]] == [
        ("r1", A.COMMITTED),
        ("r2", A.REVERTED),
    ]
    assert phone.acks[-1].model_digest == R1.digest


def test_a_way_back_that_does_not_come_is_asked_for_at_growing_pauses_until_it_does() -> None:
    phone = Phone(Flash(boot=7, registered_ts=NOW, slots=Slots(a=R2)))
    phone.files.broken.add(R1.uri)
    phone.run(GoBack(withdrawn=LOST, to=R1), 200)
    offers = [ack.device_ts for ack in phone.acks if ack.state is A.OFFERED]
    pauses = [(later - before) // SECOND for before, later in pairwise(offers)]
    assert pauses == [10, 20, 40, 80]
    assert all(ack.release_id == "r1" for ack in phone.acks)
    phone.files.broken.clear()
    phone.now -= 86_400 * SECOND  # a clock that was a day ahead
    phone.run(GoBack(withdrawn=LOST, to=R1), 10)
    assert (phone.acks[-1].release_id, phone.acks[-1].state) == ("r2", A.REVERTED)
    assert phone.flash.slots.running == R1


def test_a_fix_that_replaces_a_withdrawn_release_counts_as_its_rollback() -> None:
    phone = committed()
    phone.run(Install(model=R3, replaces=LOST), 8)
    assert [(ack.release_id, ack.state) for ack in phone.acks[-2:]] == [
        ("r3", A.COMMITTED),
        ("r2", A.REVERTED),
    ]
    assert phone.acks[-1].model_digest == R3.digest


def test_an_order_back_during_an_accepted_fix_lets_the_fix_finish() -> None:
    phone = committed()
    phone.run(Install(model=R3), 1)
    phone.run(GoBack(withdrawn=LOST, to=R1), 8)
    assert phone.flash.slots.running == R3
    assert phone.states[-1] == (A.REVERTED, "ROLLBACK_ORDERED")


def test_a_release_the_device_cannot_run_is_rejected_once() -> None:
    phone = running()
    phone.run(Refuse(release_id="r2", wave=0, reason="NO_DEADLINE"), 5)
    assert phone.states == [(A.REJECTED, "NO_DEADLINE")]
    assert phone.flash.slots.running == R1


def rebooted(before: Phone) -> Phone:
    """The power went, and comes back."""
    kept = from_json(to_json({"d": replace(before.flash, boot=before.flash.boot + 1)}))["d"]
    after = Phone(kept)
    after.now = before.now
    after.ota.restart(after.now)
    return after


def test_a_power_cut_in_trial_boots_the_new_model_again_and_it_commits() -> None:
    before = running()
    before.run(Install(model=R2), 3.5)
    assert before.flash.slots.trial
    after = rebooted(before)
    assert after.loads == ["r2"]
    # What the log had may not have been known: all is told again under the old ids.
    assert [ack.event_id for ack in after.acks[:-1]] == [ack.event_id for ack in before.acks]
    assert (after.states[-1], after.acks[-1].attempt) == ((A.TRIAL_BOOT, ""), 1)
    after.run(Install(model=R2), 8)
    assert (after.acks[-1].state, after.acks[-1].attempt) == (A.COMMITTED, 1)
    assert after.flash.slots.running == R2


def test_a_model_that_reboots_the_device_three_times_is_left() -> None:
    phone = running()
    phone.run(Install(model=R2), 3.5)
    for _ in range(TRIAL_BOOTS):
        phone = rebooted(phone)
    assert phone.loads == ["r1"]
    assert phone.states[-1] == (A.REVERTED, "INTERRUPTED")
    assert (phone.acks[-1].attempt, phone.acks[-1].model_digest) == (1, R1.digest)
    assert phone.flash.slots == Slots(a=R1)
    phone.run(Install(model=R2), 20)
    assert (phone.acks[-1].state, phone.acks[-1].attempt) == (A.COMMITTED, 2)


def test_a_model_that_answers_known_pictures_wrongly_is_left_before_it_drives() -> None:
    phone = running()
    phone.wrong_answers = True
    phone.run(Install(model=R2), 10)
    assert phone.states[-1] == (A.REVERTED, "WRONG_ANSWER")
    assert (A.TRIAL_BOOT, "") not in phone.states
    assert phone.loads == ["r2", "r1"]


def test_a_clock_that_was_a_year_ahead_delays_no_step_after_a_reboot() -> None:
    before = running()
    before.now += 365 * 86_400 * SECOND
    before.run(Install(model=R2), 0)
    before.now = NOW
    after = rebooted(before)
    after.run(Install(model=R2), 8)
    assert after.states[-1] == (A.COMMITTED, "")


def test_a_clock_that_jumps_in_a_trial_makes_it_neither_endless_nor_blind() -> None:
    for jump in (-365, 365):
        phone = running()
        phone.run(Install(model=R2), 3)
        assert phone.flash.slots.trial
        phone.now += jump * 86_400 * SECOND
        phone.run(Install(model=R2), 1, answers=jump > 0)
        assert phone.flash.slots.trial, "too few frames were seen to say anything"
        phone.run(Install(model=R2), 4)
        assert phone.states[-1] == (A.COMMITTED, "")


def test_a_restart_without_a_trial_says_nothing() -> None:
    phone = committed()
    phone.ota.restart(NOW)
    assert phone.acks == []


def test_attempt_numbers_survive_a_restart() -> None:
    flash = Flash(boot=9, registered_ts=NOW, slots=Slots(a=R1), tried={"r2": Tried(attempt=4)})
    phone = Phone(flash)
    phone.run(Install(model=R2), 8)
    assert {ack.attempt for ack in phone.acks} == {5}
