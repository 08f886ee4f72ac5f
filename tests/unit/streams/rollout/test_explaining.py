"""What would move the gate: the fewest failures that show harm, the fewest good ones that prove."""

import math

import pytest

from streams.rollout.evidence import Counts, log_e_harm, log_e_safe
from streams.rollout.explaining import assessments
from tests.rollout_desk import POLICY, Desk


@pytest.mark.parametrize(
    ("accepted", "committed", "failed"),
    [(0, 0, 0), (12, 2, 1), (60, 60, 0), (40, 20, 5), (9, 0, 9)],
)
def test_the_numbers_told_are_the_fewest_that_cross(
    accepted: int, committed: int, failed: int
) -> None:
    desk = Desk()
    desk.started()
    desk.count("HW3", accepted=accepted, committed=committed, failed=failed)
    at = desk.standing()
    found = next(iter(assessments(at, "HW3")))
    counts = found.test.counts
    assert isinstance(counts, Counts)
    n, low, high = counts
    more, good = found.failures_until_harm, found.good_until_proven
    assert good is not None
    assert more is not None
    if more:
        wanted = at.log_harm_threshold
        assert log_e_harm(Counts(max(n, low + more), low + more, n), 0.1) >= wanted
        assert log_e_harm(Counts(max(n, low + more - 1), low + more - 1, n), 0.1) < wanted
    else:
        assert found.test.peak.harm >= at.log_harm_threshold
    if good:
        wanted, undecided = POLICY.log_safe, high - low
        assert log_e_safe(proven_with(n, high, undecided, good), 0.1) >= wanted
        assert log_e_safe(proven_with(n, high, undecided, good - 1), 0.1) < wanted
    else:
        assert found.test.peak.safe >= POLICY.log_safe


def proven_with(n: int, high: int, undecided: int, good: int) -> Counts:
    beyond = max(0, good - undecided)
    return Counts(n + beyond, 0, high - min(good, undecided))


def test_nobody_heard_of_is_no_evidence_and_a_way_to_go() -> None:
    desk = Desk()
    desk.started()
    found = next(iter(assessments(desk.standing(), "HW4")))
    assert found.test.peak == (-math.inf, -math.inf)
    assert found.good_until_proven == 35, "as published for a ceiling of 10 %"
