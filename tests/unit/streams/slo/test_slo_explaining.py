"""What `slo explain` says comes true: so many bad events fire it, and then it clears."""

from collections.abc import Mapping

import pytest

from schemas.records import AlertState, Severity
from streams.slo.engine import Engine
from streams.slo.explaining import UnknownKeyError
from streams.slo.objectives import Mode, Slo
from tests.slo_log import MINUTE, SECOND, slo, tier

KEY = {"hardware": "HW3", "release_id": "release-1"}
PERIOD_US = 2_000 * SECOND


def _slo(mode: Mode = Mode.RATIO, expected: int | None = None) -> Slo:
    return slo(
        tier(20 * SECOND, 5 * SECOND, "0.2", period_us=PERIOD_US),
        tier(40 * SECOND, 10 * SECOND, "0.1", period_us=PERIOD_US, severity=Severity.TICKET),
        keep_firing_us={Severity.PAGE: 0, Severity.TICKET: 0},
        mode=mode,
        expected_events=expected,
    )


def _played(made: Slo, seconds: int, bad: Mapping[int, int]) -> Engine:
    engine = Engine(made)
    for second in range(seconds):
        engine.count(KEY, second * SECOND, 100, bad.get(second, 0))
        engine.advance((second + 1) * SECOND + 1, 0)
    return engine


@pytest.mark.parametrize(
    ("mode", "expected"),
    [(Mode.RATIO, None), (Mode.CONSUMPTION, 150_000), (Mode.CONSUMPTION, None)],
)
@pytest.mark.parametrize("place", [0, 1])
def test_so_many_bad_events_more_make_a_tier_true_and_one_fewer_does_not(
    mode: Mode, expected: int | None, place: int
) -> None:
    made = _slo(mode, expected)
    more = _played(made, 60, {}).explain(KEY).tiers[place].more_bad
    assert more is not None
    for bad, true in ((more - 1, False), (more, True)):
        engine = _played(made, 60, {})
        engine.count(KEY, 59 * SECOND, bad, bad)
        assert engine.active(KEY)[place] is true


@pytest.mark.parametrize(("mode", "expected"), [(Mode.RATIO, None), (Mode.CONSUMPTION, 150_000)])
@pytest.mark.parametrize("place", [0, 1])
def test_without_further_bad_events_it_clears_when_it_was_said(
    mode: Mode, expected: int | None, place: int
) -> None:
    made = _slo(mode, expected)
    bad = dict.fromkeys(range(50, 60), 90)
    reading = _played(made, 60, bad).explain(KEY).tiers[place]
    assert reading.active
    assert reading.more_bad == 0
    assert reading.clears_us is not None
    clears = reading.clears_us // SECOND
    assert clears > 60
    assert _played(made, clears - 1, bad).active(KEY)[place]
    assert not _played(made, clears, bad).active(KEY)[place]


def test_it_names_every_window_budget_and_alert_and_changes_nothing() -> None:
    engine = _played(_slo(), 60, dict.fromkeys(range(50, 60), 90))
    told, again = engine.explain(KEY), engine.explain(dict(reversed(KEY.items())))
    assert told == again
    page, ticket = told.tiers
    assert (page.long.total, page.long.bad, page.short.total, page.short.bad) == (
        2_000,
        900,
        500,
        450,
    )
    assert page.long.threshold == 2_000 * page.tier.limit
    assert (page.long.exceeded, page.short.exceeded, ticket.active) == (True, True, True)
    assert {(one.severity, one.state) for one in told.alerts} == {
        (Severity.PAGE, AlertState.FIRING),
        (Severity.TICKET, AlertState.SUPPRESSED),
    }
    assert told.at_us == MINUTE
    assert told.budget.remaining == pytest.approx(1 - 900 / 6_000 / 0.01)
    assert told.budget.exhaustion_s == 0


def test_time_to_exhaustion_is_what_is_left_at_the_fastest_long_burn() -> None:
    engine = _played(_slo(), 1_000, {999: 50})
    told = engine.explain(KEY).budget
    # 50 of 100,000 bad at 1 %: a twentieth is spent; the last 20 s burn 50/2,000/0.01 = 2.5 times.
    assert told.remaining == pytest.approx(0.95)
    assert told.exhaustion_s == pytest.approx(0.95 * 2_000 / 2.5)


def test_a_key_without_counts_is_named_with_those_that_have_some() -> None:
    engine = _played(_slo(), 3, {})
    with pytest.raises(UnknownKeyError, match=r"release_id=nobody.*hardware=HW3, release_id=rel"):
        engine.explain(KEY | {"release_id": "nobody"})
