"""The lattice of update attempts, as the fold of ota-acks keeps it."""

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records import AckState as A
from streams.device_index import DeviceIndex, DeviceLimitError
from streams.rollout import attempts
from streams.rollout.ack_fold import AckFold
from streams.rollout.attempt_joining import Timeouts
from streams.rollout.evidence import Counts, log_e_harm, log_e_safe
from streams.rollout.outcomes import AttemptCounts
from streams.rollout.policy import Policy
from streams.rollout.proposals import Proposal
from tests.rollout_log import START, digest_of, proposal
from tests.rollout_reference import Told, ack_batch, expected, heard

TIMEOUT_US, TRIAL_US = 1_000, 300
TIMEOUTS = Timeouts(TIMEOUT_US, TRIAL_US)
POLICY = Policy(commit_timeout_s=TIMEOUT_US / 1e6, trial_timeout_s=TRIAL_US / 1e6)
KNOWN = {name: Proposal(proposal(name, strata=("HW3", "HW4")), START) for name in ("r1", "r2")}
ONE = AttemptCounts(offered=1, accepted=1)
PATH = (A.OFFERED, A.ACCEPTED, A.DOWNLOADED, A.VERIFIED, A.INSTALLED, A.TRIAL_BOOT, A.COMMITTED)

Log = list[tuple[Told, int]]
Counts_ = dict[tuple[str, str], AttemptCounts]


def told(state: A, *, attempt: int = 1, reason: str = "", runs: bool = True) -> Told:
    return Told("d", "HW3", attempt, state, reason, digest_of("r1") if runs else None)


def made(state: bytes | None = None) -> AckFold:
    return AckFold(POLICY, KNOWN.get, state)


def found(fold: AckFold) -> Counts_:
    return {
        key: AttemptCounts(*(getattr(cell, name) for name in AttemptCounts._fields))
        for key, cell in fold.cells.counts.items()
    }


def reference(log: Log, until_us: int) -> Counts_:
    return expected(log, timeouts=TIMEOUTS, until_us=until_us)


def after(*acks: Told, at: tuple[int, ...] = ()) -> AttemptCounts:
    fold, stamps = made(), at or (0,) * len(acks)
    fold.apply(ack_batch([(ack, START + s) for ack, s in zip(acks, stamps, strict=True)], 0))
    return found(fold)["r1", "HW3"]


devices = st.sampled_from(["a", "b", "c", "d", "ä-long-name-of-a-device"])
acks = st.builds(
    Told,
    device_id=devices,
    hardware=st.sampled_from(["HW3", "HW4"]),
    attempt=st.integers(1, 4),
    state=st.sampled_from([state for state in A if state is not A.UNKNOWN]),
    reason=st.sampled_from(["", "ROLLBACK_ORDERED", "SAFETY", "DOWNLOAD_FAILED", "INTERRUPTED"]),
    digest=st.sampled_from([None, digest_of("r1"), "0" * 64]),
    release_id=st.sampled_from(["r1", "r1", "r2"]),
    slot=st.sampled_from(["UNKNOWN", "A", "B"]),
)
logs = st.lists(st.tuples(acks, st.integers(0, 700)), min_size=1, max_size=30)
chances = st.randoms(use_true_random=False)


def stamped(steps: list[tuple[Told, int]]) -> Log:
    """The acks with stamps that rise by each one's step."""
    now, log = START, Log()
    for ack, step in steps:
        now += step
        log.append((ack, now))
    return log


def resent(log: Log, chance: random.Random) -> Log:
    """The same log with copies of what stands further in front."""
    again = Log()
    for number, (ack, stamp) in enumerate(log):
        again.append((ack, stamp))
        again += [(chance.choice(log[: number + 1])[0], stamp) for _ in range(chance.randrange(3))]
    return again


@settings(deadline=None)
@given(logs, chances)
def test_any_batching_and_repetition_counts_like_the_slow_rules(
    steps: list[tuple[Told, int]], chance: random.Random
) -> None:
    log = stamped(steps)
    again, fold, refused = resent(log, chance), made(), list[int]()
    cuts = sorted({0, len(again), *(chance.randrange(len(again)) for _ in range(4))})
    for begin, end in pairwise(cuts):
        fold.apply(ack_batch(again[begin:end], begin))
        refused += sorted(one.offset for one in fold.refused())
        if chance.random() < 0.5:
            fold.advance(fold.watermark_us)
        if chance.random() < 0.3:
            fold = made(fold.snapshot())
    until = log[-1][1] + chance.choice([1, TIMEOUT_US, TIMEOUT_US + 1])
    fold.advance(until)
    assert found(fold) == reference(log, until)
    assert refused == heard(again, TIMEOUTS)[1]
    for at in found(fold).values():
        assert at.failed + at.committed + at.silent <= at.accepted <= at.offered
        assert at.failed + at.rolled_back <= at.accepted


@settings(deadline=None)
@given(logs, chances)
def test_any_permutation_within_the_time_gives_the_same_counts_and_evidence(
    steps: list[tuple[Told, int]], chance: random.Random
) -> None:
    # Of two slots of an attempt the first one in the log counts: here each has but one.
    log = [(ack._replace(slot="AB"[ack.attempt % 2]), START) for ack, _ in steps]
    shuffled = log[:]
    chance.shuffle(shuffled)
    one, other = made(), made()
    one.apply(ack_batch(log, 0))
    for number, ack in enumerate(shuffled):
        other.apply(ack_batch([ack], number))
    assert found(one) == found(other) == reference(log, START)
    assert evidence(one) == evidence(other)


@settings(deadline=None)
@given(logs)
def test_known_failures_never_become_fewer(steps: list[tuple[Told, int]]) -> None:
    fold, known = made(), dict[tuple[str, str], int]()
    log = [one for one in stamped(steps) if one[0].state is not A.REJECTED]
    for number, (ack, stamp) in enumerate(log):
        fold.apply(ack_batch([(ack, stamp)], number))
        fold.advance(stamp)
        for key, at in found(fold).items():
            assert at.failed + at.silent >= known.get(key, 0)
            known[key] = at.failed + at.silent


def evidence(fold: AckFold) -> dict[tuple[str, str], tuple[float, float]]:
    sums = {
        key: Counts(at.accepted, at.failed + at.silent, at.accepted - at.committed)
        for key, at in found(fold).items()
    }
    return {key: (log_e_harm(n, 0.02), log_e_safe(n, 0.02)) for key, n in sums.items()}


def test_ten_thousand_devices_are_counted_like_the_slow_rules() -> None:
    chance = random.Random(7)
    names = [f"device-{number}" for number in range(10_000)]
    log = stamped(
        [
            (
                Told(
                    chance.choice(names),
                    chance.choice(["HW3", "HW4"]),
                    chance.randrange(1, 3),
                    chance.choice([state for state in A if state is not A.UNKNOWN]),
                    digest=digest_of("r1"),
                    slot=chance.choice("AB"),
                ),
                chance.randrange(2) * chance.randrange(2) * chance.randrange(2),
            )
            for _ in range(40_000)
        ]
    )
    fold = made()
    for begin in range(0, len(log), 7_000):
        fold.apply(ack_batch(log[begin : begin + 7_000], begin))
    until = log[-1][1] + TIMEOUT_US // 2
    fold.advance(until)
    assert found(fold) == reference(log, until)
    assert found(made(fold.snapshot())) == found(fold)


def test_an_update_goes_through_its_states() -> None:
    assert after(*(told(state) for state in PATH)) == ONE._replace(committed=1)
    assert after(*(told(state) for state in PATH[:-1])) == ONE
    assert after(told(A.OFFERED)) == AttemptCounts(offered=1)


def test_a_commit_of_another_model_is_not_a_commit() -> None:
    assert after(told(A.ACCEPTED), told(A.COMMITTED, runs=False)) == ONE


@pytest.mark.parametrize("state", [A.REVERTED, A.INSTALL_FAILED])
def test_what_failed_by_itself_has_failed_even_after_a_commit(state: A) -> None:
    assert after(told(A.COMMITTED), told(state)) == ONE._replace(failed=1)


def test_a_device_ordered_back_is_rolled_back_and_not_failed() -> None:
    back = told(A.REVERTED, reason="ROLLBACK_ORDERED", runs=False)
    assert after(told(A.COMMITTED), back) == ONE._replace(committed=1, rolled_back=1)
    assert after(told(A.TRIAL_BOOT), back) == ONE._replace(rolled_back=1)
    assert after(told(A.REVERTED), back) == ONE._replace(failed=1)


def test_deferring_and_rejecting_an_offer_are_no_failures() -> None:
    assert after(told(A.DEFERRED), told(A.REJECTED)) == AttemptCounts(offered=1, deferred=1)
    assert after(told(A.ACCEPTED), told(A.REJECTED)) == ONE._replace(failed=1)


def test_rejecting_the_next_offer_does_not_excuse_a_rejected_attempt() -> None:
    rejected = (told(A.ACCEPTED), told(A.REJECTED), told(A.REJECTED, attempt=2))
    assert after(*rejected) == ONE._replace(failed=1)


BROKEN = "DOWNLOAD_FAILED"
AGAIN = ONE._replace(rolled_back=1)


def test_a_failure_that_is_tried_again_decides_nothing_in_time() -> None:
    failed = told(A.INSTALL_FAILED, reason=BROKEN)
    assert after(failed) == AGAIN
    assert after(failed, told(A.OFFERED, attempt=2)) == AGAIN
    assert after(failed, told(A.ACCEPTED, attempt=2)) == ONE
    assert after(failed, told(A.COMMITTED, attempt=2)) == ONE._replace(committed=1)
    interrupted = told(A.REVERTED, reason="INTERRUPTED")
    assert after(interrupted, told(A.COMMITTED, attempt=2)) == ONE._replace(committed=1)


def test_the_last_attempt_that_fails_has_failed_whatever_its_code() -> None:
    tries = [told(A.INSTALL_FAILED, attempt=number, reason=BROKEN) for number in (1, 2, 3)]
    assert after(*tries[:2]) == AGAIN
    assert after(*tries) == ONE._replace(failed=1)


def test_no_retry_mends_what_failed_for_good() -> None:
    failed, again = told(A.INSTALL_FAILED, reason="DIGEST_MISMATCH"), told(A.COMMITTED, attempt=2)
    assert after(failed, again) == after(again, failed) == ONE._replace(silent=1)
    back = told(A.REVERTED, attempt=2, reason="ROLLBACK_ORDERED", runs=False)
    assert after(failed, again, back) == ONE._replace(silent=1, rolled_back=1)


def test_the_time_for_all_attempts_runs_from_the_first_acceptance() -> None:
    tries = (
        told(A.ACCEPTED),
        told(A.INSTALL_FAILED, reason=BROKEN),
        told(A.ACCEPTED, attempt=2),
        told(A.COMMITTED, attempt=2),
    )
    second = TIMEOUT_US // 2
    assert after(*tries, at=(0, 1, second, TIMEOUT_US)) == ONE._replace(committed=1)
    assert after(*tries, at=(0, 1, second, TIMEOUT_US + 1)) == ONE._replace(silent=1)
    begun_late = (0, 1, TIMEOUT_US + 1, TIMEOUT_US + 1)
    assert after(*tries, at=begun_late) == ONE._replace(silent=1)


def test_a_failure_that_was_not_mended_in_time_has_failed() -> None:
    fold = made()
    fold.apply(ack_batch([(told(A.INSTALL_FAILED, reason=BROKEN), START)], 0))
    fold.advance(START + TIMEOUT_US)
    assert found(fold)["r1", "HW3"] == AGAIN
    fold.advance(START + TIMEOUT_US + 1)
    assert found(fold)["r1", "HW3"] == ONE._replace(failed=1)


def test_a_device_that_tries_again_after_it_committed_falls_silent_like_any_other() -> None:
    fold = made()
    fold.apply(ack_batch([(told(A.COMMITTED), START)], 0))
    other = told(A.ACCEPTED)._replace(device_id="e")
    fold.apply(ack_batch([(other, START + 2), (told(A.ACCEPTED, attempt=2), START + 2)], 1))
    assert fold.due_us == START + TIMEOUT_US
    fold.advance(START + TIMEOUT_US + 1)
    both = AttemptCounts(offered=2, accepted=2, silent=1)
    assert found(fold)["r1", "HW3"] == both


def test_a_late_commit_stays_a_failure() -> None:
    late = (told(A.ACCEPTED), told(A.COMMITTED))
    assert after(*late, at=(0, TIMEOUT_US + 1)) == ONE._replace(silent=1)
    assert after(*late, at=(0, TIMEOUT_US)) == ONE._replace(committed=1)


def test_a_device_that_reverts_after_the_time_has_failed_even_if_it_would_try_again() -> None:
    reverts = (told(A.COMMITTED), told(A.REVERTED, reason="INTERRUPTED"))
    assert after(*reverts, at=(0, TIMEOUT_US)) == AGAIN
    assert after(*reverts, at=(0, TIMEOUT_US + 1)) == ONE._replace(failed=1)


def test_silence_is_told_once_the_log_is_read_past_the_deadline() -> None:
    fold = made()
    fold.apply(ack_batch([(told(A.ACCEPTED), START)], 0))
    assert fold.due_us == START + TIMEOUT_US
    fold.advance(START + TIMEOUT_US)
    assert found(fold)["r1", "HW3"] == ONE
    fold.advance(START + TIMEOUT_US + 1)
    assert found(fold)["r1", "HW3"] == ONE._replace(silent=1)
    fold.apply(ack_batch([(told(A.REVERTED), START + 9_000)], 1))
    assert found(fold)["r1", "HW3"] == ONE._replace(failed=1)


def test_a_device_that_is_silent_after_its_trial_boot_has_failed() -> None:
    fold = made()
    path = [(told(state), START + at) for at, state in enumerate((A.ACCEPTED, A.TRIAL_BOOT))]
    fold.apply(ack_batch(path, 0))
    assert fold.due_us == START + 1 + TRIAL_US
    fold = made(fold.snapshot())
    fold.advance(START + 1 + TRIAL_US)
    assert found(fold)["r1", "HW3"] == ONE
    fold.advance(START + 2 + TRIAL_US)
    assert found(fold)["r1", "HW3"] == ONE._replace(silent=1)


def test_the_time_of_a_trial_runs_from_its_first_boot_and_anew_in_each_attempt() -> None:
    boots = (told(A.TRIAL_BOOT), told(A.TRIAL_BOOT), told(A.COMMITTED))
    assert after(*boots, at=(0, 200, TRIAL_US)) == ONE._replace(committed=1)
    assert after(*boots, at=(0, 200, TRIAL_US + 1)) == ONE._replace(silent=1)
    again = (
        told(A.TRIAL_BOOT),
        told(A.REVERTED, reason="INTERRUPTED"),
        told(A.TRIAL_BOOT, attempt=2),
        told(A.COMMITTED, attempt=2),
    )
    assert after(*again, at=(0, 200, 400, 400 + TRIAL_US)) == ONE._replace(committed=1)
    assert after(*again, at=(0, 200, 400, 401 + TRIAL_US)) == ONE._replace(silent=1)
    assert after(*again, at=(0, 301, 302, 303)) == ONE._replace(silent=1)


def test_an_attempt_that_begins_after_a_silent_trial_mends_nothing() -> None:
    left = (told(A.TRIAL_BOOT), told(A.ACCEPTED, attempt=2), told(A.COMMITTED, attempt=2))
    assert after(*left, at=(0, TRIAL_US, TRIAL_US)) == ONE._replace(committed=1)
    assert after(*left, at=(0, TRIAL_US + 1, TRIAL_US + 2)) == ONE._replace(silent=1)


def test_what_is_decided_waits_for_no_deadline() -> None:
    fold = made()
    fold.apply(ack_batch([(told(A.COMMITTED), START)], 0))
    assert fold.due_us is None


def test_a_safety_reason_is_critical() -> None:
    assert after(told(A.REVERTED, reason="SAFETY")) == ONE._replace(failed=1, critical=1)


def test_a_broker_whose_clock_goes_back_shortens_no_deadline() -> None:
    fold = made()
    fold.apply(ack_batch([(told(A.OFFERED), START + 5_000)], 0))
    fold.apply(ack_batch([(told(A.ACCEPTED), START)], 1))
    assert fold.due_us == START + 5_000 + TIMEOUT_US


def test_one_device_too_many_names_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "DeviceIndex", lambda: DeviceIndex(1))
    fold = made()
    fold.apply(ack_batch([(told(A.ACCEPTED), START)], 0))
    another = told(A.ACCEPTED)._replace(device_id="e")
    with pytest.raises(DeviceLimitError, match="device e is one more than the limit of 1 devices"):
        fold.apply(ack_batch([(another, START)], 1))
