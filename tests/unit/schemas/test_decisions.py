"""Which records of model-releases count."""

import dataclasses

import pytest

from schemas.decisions import Rule, decision_id
from schemas.records import ReleaseKind as K
from schemas.strata import StratumStatus as S
from tests.rollout_log import GATE, OPERATOR, TRAINER, Log, evidence, follow, proposal


def statuses(log: Log, release_id: str) -> dict[str, S]:
    return {name: view.status for name, view in log.book.releases[release_id].strata.items()}


def test_a_release_goes_from_proposal_to_completion() -> None:
    log = Log()
    log.completed("r1")
    assert set(statuses(log, "r1").values()) == {S.COMPLETED}
    assert log.book.releases["r1"].next_seq == 5


def test_the_first_of_two_decisions_with_one_seq_wins() -> None:
    # The trace of a lagging second gate: its opening must not hide the first one's rollback.
    log = Log()
    log.completed("r1")
    first = log.opened("r2", 0.1, counter=2, parent_release_id="r1")
    back = follow(
        first,
        K.ROLLBACK_ORDERED,
        4,
        stratum="HW3",
        rollback_to_release_id="r1",
        rollback_to_digest="a" * 64,
    )
    late = follow(first, K.WAVE_OPENED, 4, wave=1, share=0.5)
    assert log.append(back).valid
    verdict = log.append(late)
    assert verdict.rule is Rule.SEQUENCE
    assert verdict.why == "decision_seq 4, next is 5"
    assert statuses(log, "r2") == {"HW3": S.ROLLING_BACK, "HW4": S.OPEN, "AI5": S.OPEN}


def test_a_second_opening_in_one_stratum_is_void() -> None:
    log = Log()
    log.opened("r1", 0.1)
    log.propose("r2", counter=2)
    log.must("r2", K.VERIFIED, K.APPROVED)
    verdict = log.decide("r2", K.WAVE_OPENED, wave=0, share=0.1)
    assert verdict.rule is Rule.CONFLICT
    assert "r1 is open in HW3" in verdict.why
    log.must("r1", K.ABORTED)
    log.must("r2", K.WAVE_OPENED, wave=0, share=0.1)


def test_releases_for_other_strata_or_machines_do_not_conflict() -> None:
    log = Log()
    log.opened("r1", 0.1, strata=("HW3",))
    log.opened("r2", 0.1, strata=("HW4",), counter=2)
    assert statuses(log, "r2") == {"HW4": S.OPEN}


def test_a_wrong_signature_role_or_unknown_signer_is_void_and_counted() -> None:
    log = Log()
    first = log.propose("r1")
    forged = dataclasses.replace(follow(first, K.VERIFIED, 1), reason="changed after signing")
    stranger = dataclasses.replace(follow(first, K.VERIFIED, 1), signer="nobody")
    assert "does not match" in log.append(forged).why
    assert "not in the keyring" in log.append(stranger).why
    assert (
        "has roles operator, not gate"
        in log.append(follow(first, K.VERIFIED, 1, signer=OPERATOR)).why
    )
    assert (
        "has roles trainer, not gate"
        in log.append(follow(first, K.VERIFIED, 1, signer=TRAINER)).why
    )
    assert log.book.voids == {Rule.SIGNATURE: 4}
    assert statuses(log, "r1")["HW3"] is S.PROPOSED


@pytest.mark.parametrize(
    ("kind", "changes", "rule"),
    [
        (K.COMPLETED, {}, Rule.TRANSITION),
        (K.WAVE_OPENED, {"wave": 0, "share": 0.1}, Rule.TRANSITION),
        (K.VERIFIED, {"stratum": "OPTIMUS_G2"}, Rule.STRATUM),
        (K.VERIFIED, {"decision_id": decision_id("r1", 7)}, Rule.DECISION_ID),
        (K.UNKNOWN, {}, Rule.TRANSITION),
    ],
)
def test_a_step_that_does_not_follow_is_void(
    kind: K, changes: dict[str, object], rule: Rule
) -> None:
    log = Log()
    log.propose("r1")
    assert log.decide("r1", kind, **changes).rule is rule
    assert log.book.releases["r1"].next_seq == 1


@pytest.mark.parametrize(
    "changes", [{"wave": 0, "share": 0.5}, {"wave": 2, "share": 0.5}, {"wave": 1, "share": 0.05}]
)
def test_waves_open_in_order_and_never_shrink(changes: dict[str, object]) -> None:
    log = Log()
    log.opened("r1", 0.1)
    assert log.decide("r1", K.WAVE_OPENED, **changes).rule is Rule.TRANSITION


def test_a_rollback_names_another_release_to_return_to() -> None:
    log = Log()
    log.opened("r1", 0.1)
    to_itself = {"rollback_to_release_id": "r1", "rollback_to_digest": "a" * 64}
    assert log.decide("r1", K.ROLLBACK_ORDERED).rule is Rule.TRANSITION
    assert log.decide("r1", K.ROLLBACK_ORDERED, **to_itself).rule is Rule.TRANSITION


def test_a_release_begins_with_its_proposal() -> None:
    log = Log()
    assert log.append(follow(proposal("r1"), K.VERIFIED, 0)).rule is Rule.PROPOSAL
    assert log.append(proposal("r1", artifact=None)).rule is Rule.PROPOSAL
    log.propose("r1")
    assert log.append(proposal("r1", purpose="another")).rule is Rule.SEQUENCE


def test_a_held_release_resumes_where_it_was_with_what_was_seen() -> None:
    log = Log()
    log.opened("r1", 0.1, 0.5)
    harm = evidence(e_harm=700.0, failures_low=3)
    log.must("r1", K.HELD, stratum="HW3", evidence=harm)
    held = log.book.releases["r1"].strata["HW3"]
    assert held.harmed_us == held.since_us
    log.must("r1", K.RESUMED, stratum="HW3", evidence=harm)
    resumed = log.book.releases["r1"].strata["HW3"]
    assert (resumed.status, resumed.wave, resumed.share) == (S.OPEN, 1, 0.5)
    assert resumed.harmed_us is None
    assert resumed.resumed == (resumed.since_us, harm.thresholds)


def test_reading_the_log_again_changes_nothing() -> None:
    log = Log()
    log.opened("r1", 0.1)
    before = dict(log.book.releases)
    for offset, (record, stamp) in enumerate(list(log.records)):
        assert not log.book.observe(record, offset=offset, stamp_us=stamp).valid
    assert log.book.releases == before
    assert log.book.last_offset == len(log.records) - 1


def test_a_stalled_rollback_keeps_the_time_of_its_order() -> None:
    log = Log()
    log.completed("r1")
    log.opened("r2", 0.1, counter=2)
    log.must("r2", K.ROLLBACK_ORDERED, rollback_to_release_id="r1", rollback_to_digest="a" * 64)
    since = log.book.releases["r2"].strata["HW3"].since_us
    log.must("r2", K.ROLLBACK_STALLED)
    stalled = log.book.releases["r2"].strata["HW3"]
    assert (stalled.status, stalled.stalled, stalled.since_us) == (S.ROLLING_BACK, True, since)
    log.must("r2", K.ROLLBACK_DONE)


def test_a_revoked_key_voids_only_what_is_stamped_later() -> None:
    log = Log()
    first = log.propose("r1")
    record = follow(first, K.VERIFIED, 1)
    revoked = dataclasses.replace(
        GATE.public(*log.book._keyring.keys["gate"].roles), revoked_at=100
    )
    log.book._keyring = dataclasses.replace(
        log.book._keyring, keys={**log.book._keyring.keys, "gate": revoked}
    )
    assert "revoked at 100" in log.book.observe(record, offset=1, stamp_us=100).why
    assert log.book.observe(record, offset=1, stamp_us=99).valid
