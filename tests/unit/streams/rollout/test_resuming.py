"""What a person acknowledges who lets a stratum go on: what was seen, and nothing that follows."""

import numpy as np
import pytest

from schemas.records import CommandKind as C
from schemas.stratum_view import Resumption
from streams.rollout.evidence import Counts, log_e_harm
from streams.rollout.judged import Judged, RateCounts, Renewed
from streams.rollout.metrics import Metric
from streams.rollout.rates import Windows
from streams.rollout.renewing import renewed_rate, renewed_share
from streams.rollout.tally import Peak
from tests.rollout_desk import POLICY, Desk


@pytest.fixture
def desk() -> Desk:
    """A first release, which has nothing to go back to, open in HW3."""
    desk = Desk()
    desk.started("r2", strata=("HW3",))
    return desk


def test_resuming_acknowledges_harm_until_as_much_is_found_anew(desk: Desk) -> None:
    desk.count("HW3", accepted=15, failed=12)
    assert desk.turn() == ["HELD HW3"]
    desk.order(C.RESUME)
    assert desk.turn() == ["RESUMED HW3"]
    desk.count("HW3", accepted=17, failed=13, committed=1)
    assert desk.turn() == [], "the next failure is no evidence by itself"
    test = desk.standing().tests("HW3")[0]
    assert test.under_test == Counts(17 - 12, 13 - 12, 16 - 12)
    assert test.log_harm == log_e_harm(Counts(5, 1, 4), 0.1) < test.peak.harm
    desk.count("HW3", accepted=25, failed=20, committed=1)
    assert desk.turn() == ["HELD HW3"]
    held = desk.log[-1].record.evidence
    assert held.e_harm == pytest.approx(held.thresholds["updates.e_harm_since"])
    assert held.e_harm >= held.thresholds["harm"]


def test_what_a_second_person_lets_go_on_is_acknowledged_in_its_turn(desk: Desk) -> None:
    for failed in (12, 20, 28):
        desk.count("HW3", accepted=failed + 3, failed=failed)
        assert desk.turn() == ["HELD HW3"]
        desk.order(C.PAUSE)
        desk.order(C.RESUME)
        assert desk.turn() == ["RESUMED HW3"]
    desk.order(C.PAUSE)
    assert desk.turn() == ["PAUSED all"]
    desk.order(C.RESUME)
    assert desk.turn() == ["RESUMED HW3"], "a pause brings nothing back"


def test_after_a_pause_evidence_goes_on_as_if_there_had_been_none(desk: Desk) -> None:
    """Begun anew at each resumption, many small lots of failures would never be seen."""
    desk.count("HW3", accepted=10, committed=6, failed=4)
    assert desk.turn() == []
    desk.order(C.PAUSE)
    desk.turn()
    desk.order(C.RESUME)
    assert desk.turn() == ["RESUMED HW3"]
    before = desk.standing().tests("HW3")[0]
    assert before.log_harm == before.peak.harm
    assert before.under_test == before.counts
    desk.count("HW3", accepted=16, committed=6, failed=10)
    assert desk.turn() == ["HELD HW3"]


def test_a_safety_reason_after_a_resumption_holds_again(desk: Desk) -> None:
    desk.count("HW3", accepted=15, failed=1, critical=1)
    assert desk.turn() == ["HELD HW3"]
    desk.order(C.RESUME)
    assert desk.turn() == ["RESUMED HW3"]
    desk.count("HW3", accepted=30, failed=1, critical=1)
    assert desk.turn() == [], "it was looked at"
    desk.count("HW3", accepted=30, failed=2, critical=2)
    assert desk.turn() == ["HELD HW3"]
    reason = desk.book.releases["r2"].strata["HW3"].reason
    assert reason == "1 devices of HW3 gave a safety reason since it was resumed"


def test_a_resumption_for_another_reason_does_not_excuse_safety_for_ever(desk: Desk) -> None:
    desk.order(C.PAUSE)
    desk.turn()
    desk.order(C.RESUME)
    assert desk.turn() == ["RESUMED HW3"]
    desk.count("HW3", accepted=15, failed=1, critical=1)
    assert desk.turn() == ["HELD HW3"]


def judged(peak: float, renewed: Renewed | None) -> Judged:
    return Judged(
        metric=Metric.UPDATES,
        guard=True,
        limit=0.1,
        counts=Counts(),
        peak=Peak(peak, 0.0),
        harm_at=5.0,
        safe_at=3.0,
        renewed=renewed,
    )


@pytest.mark.parametrize(
    ("peak", "seen", "since", "found"),
    [
        (6.0, None, 0.0, (True, True)),
        (4.0, None, 0.0, (False, True)),
        (6.0, 6.0, 2.0, (False, False)),
        (6.0, 6.0, 4.0, (False, True)),
        (6.0, 6.0, 5.0, (True, True)),
        (4.0, 4.0, 2.0, (False, False)),
        (6.0, 4.0, 2.0, (True, False)),
        (6.0, 2.0, 0.0, (True, True)),
    ],
)
def test_what_was_seen_counts_no_more_at_the_level_it_had_reached(
    peak: float, seen: float | None, since: float, found: tuple[bool, bool]
) -> None:
    test = judged(peak, None if seen is None else Renewed(seen, Counts(), since))
    assert (test.harmful, test.suspect) == found


def test_those_known_to_have_failed_leave_the_test_and_the_good_ones_stay() -> None:
    seen = Resumption(0, {"updates.failures_low": 12.0, "updates.e_harm": 900.0})
    found = renewed_share(seen, Metric.UPDATES, Counts(40, 15, 20), 0.1)
    assert found.counts == Counts(28, 3, 8)
    assert found.seen == pytest.approx(np.log(900.0))
    assert found.harm == log_e_harm(Counts(28, 3, 8), 0.1)


def test_counted_anew_by_another_version_nothing_is_below_zero() -> None:
    seen = Resumption(0, {"updates.failures_low": 12.0})
    found = renewed_share(seen, Metric.UPDATES, Counts(10, 2, 3), 0.1)
    assert found.counts == Counts(8, 0, 1)
    assert found.seen < POLICY.log_safe


def test_a_rate_is_tested_by_the_windows_that_began_since() -> None:
    one = np.ones(3)
    windows = Windows(one * 100, one * 100, np.array([9.0, 9.0, 9.0]), one)
    found = renewed_rate(Resumption(0, {"edge_cases.e_harm": 1e4}), Metric.EDGE_CASES, windows)
    assert found.counts == RateCounts.of(windows)
    assert found.harm > 0.0
