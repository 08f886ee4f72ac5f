"""What the gate decides, rule by rule."""

import dataclasses
import math
from typing import Any

import pytest

from schemas.records import CommandKind as C
from schemas.records import ReleaseKind as K
from schemas.topics import INFERENCE_EVENTS
from streams.rollout.gate import DecisionRefusedError, GateKeyError, check_key
from tests.rollout_desk import POLICY, Desk, start
from tests.rollout_log import (
    GATE,
    KEYRING,
    SECOND,
    SECOND_OPERATOR,
    TRAINER,
    digest_of,
    follow,
    proposal,
)

STRATA = ("HW3", "HW4", "AI5")


def test_nothing_is_decided_before_every_source_partition_was_heard(desk: Desk) -> None:
    desk.propose(counter=2)
    desk.order(C.APPROVE)
    assert desk.turn() == []
    desk.wait(0)
    assert desk.turn() == ["VERIFIED all", "APPROVED all", "WAVE_OPENED all"]


def test_a_decision_says_what_it_rests_on_and_is_timed_by_the_counts(desk: Desk) -> None:
    start(desk)
    desk.judged("HW3", 8)
    desk.wait(11)
    (record,) = desk.gates[0].advance()
    assert (record.kind, record.stratum, record.wave, record.share) == (
        K.WAVE_OPENED,
        "HW3",
        1,
        0.5,
    )
    assert record.decided_ts == desk.tally.now_us
    evidence = record.evidence
    assert evidence is not None
    assert (evidence.n, evidence.failures_low, evidence.failures_high) == (8, 0, 0)
    assert evidence.thresholds["harm"] == pytest.approx(2 * 3 / 0.01)
    assert evidence.config_digest == POLICY.digest
    assert evidence.offsets == {
        "rollout-partials/0": desk.partials - 1,
        "model-releases/0": desk.book.last_offset,
        "rollout-commands/0": 0,
        "handled": 0,
    }


def test_one_decision_of_a_release_is_under_way_at_a_time(desk: Desk) -> None:
    desk.propose(counter=2)
    desk.wait(0)
    assert len(desk.gates[0].advance()) == 1
    desk.wait(60)
    assert desk.gates[0].advance() == []


def test_a_voided_decision_is_evaluated_again(desk: Desk) -> None:
    start(desk)
    desk.judged("HW3", 8)
    desk.wait(11)
    (mine,) = desk.gates[0].advance()
    first = desk.book.releases["r2"].proposal
    desk.write(follow(first, K.PAUSED, mine.decision_seq, stratum="HW3"))
    desk.write(mine)
    assert desk.status("HW3") == "PAUSED"
    assert desk.turn() == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"counter": 1}, "counter=1 must be above 1 of release r1"),
        ({"strata": ("HW9",)}, "stratum HW9 is not in the catalogue"),
        ({"strata": ("OPTIMUS_G2",)}, "stratum OPTIMUS_G2 is ROBOT, the release VEHICLE"),
        ({"deadline_us": {"HW3": 50_000}}, "deadline_us of HW4 is missing"),
        ({"artifact": proposal("r1").artifact}, "is that of parent r1: it changes nothing"),
        ({"parent_release_id": "r0"}, "parent_release_id=r0 was never proposed"),
        ({"strata": ("HW3", "NOT_STATED")}, "parent r1 is not for NOT_STATED"),
    ],
)
def test_a_faulty_proposal_is_rejected_with_the_rule(
    desk: Desk, changes: dict[str, Any], reason: str
) -> None:
    desk.propose(**{"counter": 2, "parent_release_id": "r1", **changes})
    desk.wait(0)
    assert desk.turn() == ["REJECTED all"]
    stratum = next(iter(desk.book.releases["r2"].strata.values()))
    assert reason in stratum.reason


def test_an_artifact_without_a_digest_is_rejected(desk: Desk) -> None:
    artifact = desk.book.releases["r1"].proposal.artifact
    desk.propose(counter=2, artifact=dataclasses.replace(artifact, digest="abc", bytes=0))
    desk.wait(0)
    assert desk.turn() == ["REJECTED all"]
    assert "artifact.digest='abc' must be 64 hex digits" in (
        desk.book.releases["r2"].strata["HW3"].reason
    )


def test_the_author_cannot_approve_and_two_must_when_it_concerns_safety(desk: Desk) -> None:
    desk.propose(counter=2, safety_relevant=True, author="operator")
    desk.wait(0)
    assert desk.turn() == ["VERIFIED all"]
    desk.order(C.APPROVE)
    desk.order(C.APPROVE, signer=SECOND_OPERATOR)
    desk.wait(1)
    assert desk.turn() == []


def test_two_operators_approve_what_concerns_safety(desk: Desk) -> None:
    desk.propose(counter=2, safety_relevant=True)
    desk.order(C.APPROVE)
    desk.order(C.APPROVE)
    desk.wait(0)
    assert desk.turn() == ["VERIFIED all"]
    desk.order(C.APPROVE, signer=SECOND_OPERATOR)
    assert desk.turn()[:1] == ["APPROVED all"]
    assert desk.book.releases["r2"].approvers == ("operator", "second-operator")


def test_a_release_waits_while_another_is_open_in_its_strata(desk: Desk) -> None:
    start(desk)
    desk.propose("r3", counter=3, parent_release_id="r1")
    desk.order(C.APPROVE, "r3")
    desk.wait(1)
    assert desk.turn() == ["VERIFIED all", "APPROVED all"]
    desk.order(C.ABORT)
    assert desk.turn() == ["ABORTED all", "WAVE_OPENED all"]
    assert desk.status("HW3", "r3") == "OPEN"


def test_what_was_overtaken_before_it_opened_is_superseded(desk: Desk) -> None:
    desk.propose("older", counter=2, parent_release_id="r1")
    desk.started("r2", counter=3, parent_release_id="r1")
    desk.turn()
    assert {desk.status(stratum, "older") for stratum in STRATA} == {"SUPERSEDED"}


def test_waves_advance_by_stratum_after_soak_and_proof(desk: Desk) -> None:
    start(desk)
    desk.judged("HW3", 8)
    desk.judged("HW4", 4)
    desk.wait(9)
    assert desk.turn() == []
    desk.wait(2)
    assert desk.turn() == ["WAVE_OPENED HW3"]  # HW4 has fewer devices than the minimum
    desk.judged("HW3", 20)
    desk.wait(12)
    assert desk.turn() == []  # 20 good devices prove nothing at a ceiling of 10 %
    desk.judged("HW3", 40)
    assert desk.turn() == ["WAVE_OPENED HW3"]
    desk.wait(29)
    desk.judged("HW3", 100)
    assert "COMPLETED HW3" not in desk.turn()
    desk.wait(3)
    assert "COMPLETED HW3" in desk.turn()


def test_an_unproven_wave_is_widened_to_the_budget_and_then_held(desk: Desk) -> None:
    desk.propose(counter=2, parent_release_id="r1", strata=("HW3",))
    desk.order(C.APPROVE)
    desk.wait(0)
    desk.turn()
    desk.judged("HW3", 8)
    desk.wait(12)
    assert desk.turn() == ["WAVE_OPENED HW3"]
    desk.wait(31)
    assert desk.turn() == ["WAVE_EXTENDED HW3"]
    assert desk.book.releases["r2"].strata["HW3"].share == 0.6
    desk.wait(32)
    assert desk.turn() == ["HELD HW3"]
    assert "8 devices prove neither" in desk.book.releases["r2"].strata["HW3"].reason


def test_what_is_suspected_of_harm_reaches_nobody_more_and_a_person_decides(desk: Desk) -> None:
    desk.propose(counter=2, parent_release_id="r1", strata=("HW3",))
    desk.order(C.APPROVE)
    desk.wait(0)
    desk.turn()
    desk.count("HW3", accepted=20, committed=13, failed=7)  # e-value 33: 20 suspects, 200 is harm
    desk.wait(12)
    assert desk.turn() == []
    desk.wait(20)
    assert desk.turn() == ["HELD HW3"]
    assert "but harm is suspected" in desk.book.releases["r2"].strata["HW3"].reason
    desk.count("HW3", accepted=20, committed=11, failed=9)
    assert desk.turn() == ["ROLLBACK_ORDERED HW3"], "a hold goes on judging"


@pytest.mark.parametrize(
    ("accepted", "failed", "then"),
    [(20, 8, "WAVE_OPENED HW3"), (27, 14, "ROLLBACK_ORDERED HW3")],
    ids=["one more is no new suspicion", "harm that adds up is still harm"],
)
def test_a_person_acknowledges_a_suspicion(
    desk: Desk, accepted: int, failed: int, then: str
) -> None:
    desk.propose(counter=2, parent_release_id="r1", strata=("HW3",))
    desk.order(C.APPROVE)
    desk.wait(0)
    desk.turn()
    desk.count("HW3", accepted=20, committed=13, failed=7)
    desk.wait(32)
    assert desk.turn() == ["HELD HW3"]
    desk.order(C.RESUME)
    assert desk.turn() == ["RESUMED HW3"]
    desk.count("HW3", accepted=accepted, committed=12, failed=failed)
    desk.wait(12)
    assert desk.turn() == [then]


def test_a_suspicion_is_over_once_safety_is_proved(desk: Desk) -> None:
    desk.propose(counter=2, parent_release_id="r1", strata=("HW3",))
    desk.order(C.APPROVE)
    desk.wait(0)
    desk.turn()
    desk.count("HW3", accepted=20, committed=13, failed=7)
    desk.wait(12)
    assert desk.turn() == []
    desk.count("HW3", accepted=400, committed=393, failed=7)
    desk.count("HW3", topic=INFERENCE_EVENTS.name, accepted=393, committed=393)
    assert desk.turn() == ["WAVE_OPENED HW3"]


@pytest.mark.parametrize(
    ("topic", "test"), [("ota-acks", "updates"), (INFERENCE_EVENTS.name, "latency")]
)
def test_harm_orders_one_stratum_back_and_holds_the_others(
    desk: Desk, topic: str, test: str
) -> None:
    start(desk)
    desk.count("HW3", topic=topic, accepted=15, failed=12)
    assert desk.turn() == ["ROLLBACK_ORDERED HW3", "HELD HW4", "HELD AI5"]
    view = desk.book.releases["r2"].strata["HW3"]
    assert view.rollback_to == ("r1", digest_of("r1"))
    assert view.reason == f"HW3: {test}: 12 of 15 devices failed, more than 10.0% may"


def test_undecided_devices_are_no_harm(desk: Desk) -> None:
    start(desk)
    desk.count("HW3", accepted=200)
    desk.wait(5)
    assert desk.turn() == []


def test_silent_devices_are(desk: Desk) -> None:
    start(desk)
    desk.count("HW3", accepted=15, silent=12)
    assert desk.turn()[0] == "ROLLBACK_ORDERED HW3"


def test_evidence_that_has_crossed_stays_crossed(desk: Desk) -> None:
    start(desk)
    desk.count("HW3", accepted=15, failed=12)
    desk.count("HW3", accepted=500, failed=12, committed=488)
    assert desk.turn()[0] == "ROLLBACK_ORDERED HW3"


def test_a_harmful_first_release_is_held_since_there_is_nothing_to_go_back_to() -> None:
    desk = Desk()
    desk.started("r2")
    desk.count("HW3", accepted=15, failed=12)
    assert desk.turn() == ["HELD HW3", "HELD HW4", "HELD AI5"]
    assert "nothing to go back to" in desk.book.releases["r2"].strata["HW3"].reason


def test_a_rollback_is_done_when_everybody_who_accepted_is_back(desk: Desk) -> None:
    start(desk)
    desk.count("HW3", accepted=15, failed=12)
    desk.turn()
    desk.wait(3)
    assert desk.turn() == []
    desk.count("HW3", accepted=15, failed=12, rolled_back=3)
    assert desk.turn() == ["ROLLBACK_DONE HW3"]
    assert desk.status("HW3") == "ROLLED_BACK"


def test_a_rollback_that_does_not_end_has_stalled_once_and_may_still_end(desk: Desk) -> None:
    start(desk)
    desk.count("HW3", accepted=15, failed=12)
    desk.turn()
    desk.wait(70)
    assert desk.turn()[0] == "ROLLBACK_STALLED HW3"
    assert "3 devices of HW3 are not known" in desk.book.releases["r2"].strata["HW3"].reason
    desk.wait(70)
    assert "ROLLBACK_STALLED HW3" not in desk.turn()
    desk.count("HW3", accepted=15, failed=12, rolled_back=3)
    assert "ROLLBACK_DONE HW3" in desk.turn()


def test_one_safety_reason_holds_without_statistics(desk: Desk) -> None:
    start(desk)
    desk.count("HW3", accepted=15, failed=1, critical=1)
    assert desk.turn() == ["HELD HW3"]


def test_two_gates_over_one_log_do_what_one_does() -> None:
    desk = Desk(gates=2)
    desk.propose("r1", strata=("HW3",))
    desk.order(C.APPROVE, "r1")
    for _ in range(4):
        desk.wait(1)
        said = [gate.advance() for gate in desk.gates]
        for record in [record for one in said for record in one]:
            desk.write(record)
    view = desk.book.releases["r1"]
    assert view.next_seq == 4
    assert view.strata["HW3"].status == "OPEN"
    assert desk.book.voids.total() == 3


def test_every_decision_verifies_and_its_numbers_are_finite(desk: Desk) -> None:
    start(desk)
    desk.count("HW3", accepted=100_000, failed=90_000)
    desk.turn()
    for fact in desk.log:
        if fact.topic == "model-releases":
            KEYRING.verify(fact.record, fact.stamp_us)
            evidence = fact.record.evidence
            assert evidence is None or math.isfinite(evidence.e_harm + evidence.e_safe)
    assert desk.now > SECOND


def test_a_gate_whose_decisions_are_void_stops_instead_of_writing_for_ever(desk: Desk) -> None:
    desk.propose(counter=2)
    desk.wait(0)
    (mine,) = desk.gates[0].advance()
    desk.write(dataclasses.replace(mine, reason="changed on the way"))
    with pytest.raises(
        DecisionRefusedError, match=r"decision 1 \(VERIFIED\) of release r2 by gate"
    ):
        desk.gates[0].advance()


def test_a_key_the_keyring_does_not_let_decide_is_refused_at_the_start() -> None:
    check_key(GATE, KEYRING)
    with pytest.raises(GateKeyError, match="'trainer' is not a valid gate"):
        check_key(TRAINER, KEYRING)
    with pytest.raises(GateKeyError, match="key of signer 'gate' is not the keyring's"):
        check_key(dataclasses.replace(TRAINER, name="gate"), KEYRING)
