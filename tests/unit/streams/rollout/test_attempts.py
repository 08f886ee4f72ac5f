"""The lattice of update attempts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.records import AckState as A
from streams.rollout import attempts
from streams.rollout.attempts import Ack, AttemptCounts, Attempts, DeviceLimitError

TIMEOUT = 1_000


def table(*acks: Ack) -> Attempts:
    made = Attempts()
    for ack in acks:
        made.merge(ack, TIMEOUT)
    return made


def ack(
    state: A,
    *,
    device: str = "d",
    attempt: int = 1,
    reason: str = "",
    runs: bool = True,
    at: int = 0,
) -> Ack:
    return Ack(device, attempt, state, reason, runs, at)


def counts(*acks: Ack) -> AttemptCounts:
    return table(*acks).counts


ONE = AttemptCounts(offered=1, accepted=1)
PATH = (A.OFFERED, A.ACCEPTED, A.DOWNLOADED, A.VERIFIED, A.INSTALLED, A.TRIAL_BOOT, A.COMMITTED)

acks_of_a_fleet = st.lists(
    st.builds(
        Ack,
        device_id=st.sampled_from(["a", "b", "c"]),
        attempt=st.integers(1, 3),
        state=st.sampled_from([state for state in A if state is not A.UNKNOWN]),
        reason=st.sampled_from(["", "ROLLBACK_ORDERED", "SAFETY", "DIGEST_MISMATCH"]),
        runs_release=st.booleans(),
        stamp_us=st.just(0),
    ),
    max_size=25,
)


@given(acks_of_a_fleet, st.randoms(use_true_random=False), st.integers(1, 3))
def test_order_and_repetition_change_nothing(told: list[Ack], chance: object, copies: int) -> None:
    again = told * copies
    chance.shuffle(again)  # type: ignore[attr-defined]  # hypothesis types it as object
    assert counts(*again) == counts(*told)


@given(acks_of_a_fleet)
def test_the_outcomes_of_accepted_devices_never_overlap(told: list[Ack]) -> None:
    found = counts(*told)
    assert found.failed + found.committed + found.silent <= found.accepted <= found.offered
    assert found.failed + found.rolled_back <= found.accepted
    assert min(found) >= 0


@given(acks_of_a_fleet, st.integers(0, 25))
def test_a_snapshot_goes_on_like_the_original(told: list[Ack], cut: int) -> None:
    whole, first = table(*told), table(*told[:cut])
    restored = Attempts.from_state(first.state())
    for one in told[cut:]:
        restored.merge(one, TIMEOUT)
    assert restored.state() == whole.state()


def test_an_update_goes_through_its_states() -> None:
    assert counts(*(ack(state) for state in PATH)) == ONE._replace(committed=1)
    assert counts(*(ack(state) for state in PATH[:-1])) == ONE
    assert counts(ack(A.OFFERED)) == AttemptCounts(offered=1)


def test_a_commit_of_another_model_is_not_a_commit() -> None:
    assert counts(ack(A.ACCEPTED), ack(A.COMMITTED, runs=False)) == ONE


@pytest.mark.parametrize("state", [A.REVERTED, A.INSTALL_FAILED])
def test_what_failed_by_itself_has_failed_even_after_a_commit(state: A) -> None:
    assert counts(ack(A.COMMITTED), ack(state)) == ONE._replace(failed=1)


def test_a_device_ordered_back_is_rolled_back_and_not_failed() -> None:
    back = ack(A.REVERTED, reason="ROLLBACK_ORDERED")
    assert counts(ack(A.COMMITTED), back) == ONE._replace(committed=1, rolled_back=1)
    assert counts(ack(A.TRIAL_BOOT), back) == ONE._replace(rolled_back=1)
    assert counts(ack(A.REVERTED), back) == ONE._replace(failed=1)


def test_deferring_and_rejecting_an_offer_are_no_failures() -> None:
    assert counts(ack(A.DEFERRED), ack(A.REJECTED)) == AttemptCounts(offered=1, deferred=1)
    assert counts(ack(A.ACCEPTED), ack(A.REJECTED)) == ONE._replace(failed=1)


def test_the_outcome_of_a_retry_replaces_the_failure_once_it_is_accepted() -> None:
    failed = ack(A.INSTALL_FAILED)
    assert counts(failed, ack(A.OFFERED, attempt=2)) == ONE._replace(failed=1)
    assert counts(failed, ack(A.ACCEPTED, attempt=2)) == ONE
    assert counts(failed, ack(A.COMMITTED, attempt=2)) == ONE._replace(committed=1)


def test_a_late_commit_stays_a_failure() -> None:
    late = counts(ack(A.ACCEPTED, at=0), ack(A.COMMITTED, at=TIMEOUT + 1))
    assert late == ONE._replace(silent=1)
    in_time = counts(ack(A.ACCEPTED, at=0), ack(A.COMMITTED, at=TIMEOUT))
    assert in_time == ONE._replace(committed=1)


def test_silence_is_told_by_reading_past_the_deadline_of_that_attempt() -> None:
    made = table(ack(A.ACCEPTED, at=5))
    made.expire("d", 4)
    assert made.counts == ONE
    made.expire("d", 5)
    assert made.counts == ONE._replace(silent=1)
    made.merge(ack(A.REVERTED, at=9_000), TIMEOUT)
    assert made.counts == ONE._replace(failed=1)


def test_what_is_decided_does_not_fall_silent() -> None:
    made = table(ack(A.ACCEPTED, at=5), ack(A.COMMITTED, at=6))
    made.expire("d", 5)
    assert made.counts == ONE._replace(committed=1)
    assert list(made.undecided()) == []


def test_a_safety_reason_is_critical() -> None:
    assert counts(ack(A.REVERTED, reason="SAFETY")) == ONE._replace(failed=1, critical=1)


def test_one_device_too_many_names_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "MAX_DEVICES", 1)
    made = table(ack(A.ACCEPTED, device="a"))
    with pytest.raises(DeviceLimitError, match=r"device b is one more than MAX_DEVICES=1"):
        made.merge(ack(A.ACCEPTED, device="b"), TIMEOUT)
