"""When a tier is true: whole numbers on both sides, for one key as for all, however large."""

from fractions import Fraction
from random import Random

import pytest

from streams.slo.engine import Engine
from streams.slo.explaining import TierReading
from streams.slo.objectives import Mode, Slo
from tests.slo_log import DAY, HOUR, MINUTE, SECOND, slo, tier

KEY = {"hardware": "HW3", "release_id": "release-1"}


def _engine(made: Slo, total: int, bad: int) -> Engine:
    """An engine of one minute's counts."""
    engine = Engine(made)
    engine.count(KEY, 0, total, bad)
    engine.advance(made.bucket_us + 1, 0)
    return engine


def _first(engine: Engine) -> TierReading:
    return engine.explain(KEY).tiers[0]


def _page(**over: object) -> Slo:
    fast = tier(HOUR, 5 * MINUTE, "0.02")
    return slo(fast, period_us=30 * DAY, bucket_us=MINUTE, **over)


@pytest.mark.parametrize("events", [1_000, 10**9, 10**15, 3 * 10**18])
def test_a_share_equal_to_the_limit_is_not_above_it_and_one_more_is(events: int) -> None:
    limit = events * 144 // 1_000
    for bad, true in ((limit, False), (limit + 1, True)):
        engine = _engine(_page(), events, bad)
        assert engine.active(KEY) == (true,)
        assert bool(list(engine.episodes())) is true


def test_a_limit_of_very_many_digits_is_compared_exactly() -> None:
    objective = "0.99999999999999999999"
    fast = tier(HOUR, 5 * MINUTE, "0.02", objective=objective)
    made = slo(fast, objective=Fraction(objective), period_us=30 * DAY, bucket_us=MINUTE)
    assert fast.limit == Fraction(144, 10**21)
    assert _engine(made, 10**18, 3).active(KEY) == (True,)
    assert not list(_engine(made, 10**18, 2).episodes()), "min_bad"


def test_too_few_events_or_bad_ones_are_no_alert() -> None:
    made = _page(min_bad=3, min_events=100)
    for total, bad, true in ((100, 100, True), (99, 99, False), (100, 2, False)):
        assert _engine(made, total, bad).active(KEY) == (true,)


def test_consumption_compares_with_the_events_that_the_period_expects() -> None:
    made = _page(mode=Mode.CONSUMPTION, expected_events=720_000)
    # 1,000 events an hour are expected: 144 bad ones are 14.4 times the hour's budget.
    for total, bad, true in ((1_000_000, 144, False), (200, 145, True)):
        engine = _engine(made, total, bad)
        assert engine.active(KEY) == (true,)
        assert bool(list(engine.episodes())) is true
    assert _first(_engine(made, 200, 144)).long.burn == Fraction("14.4")


def test_consumption_without_a_number_goes_by_what_the_period_held_so_far() -> None:
    made = _page(mode=Mode.CONSUMPTION)
    engine = Engine(made)
    for minute in range(240):
        engine.count(KEY, minute * MINUTE, 100 if minute < 120 else 0, 0)
    engine.advance(240 * MINUTE + 1, 0)
    # 12,000 events in four hours are 3,000 an hour, 250 in five minutes.
    assert _first(engine).long.threshold == Fraction("0.144") * 3_000
    assert _first(engine).short.threshold == 36
    # The minute of the incident is the 241st: a little more than four hours are known.
    engine.count(KEY, 240 * MINUTE, 432, 431)
    engine.advance(241 * MINUTE + 1, 0)
    assert engine.active(KEY) == (False,)
    assert _first(engine).long.threshold == Fraction("0.144") * 12_432 * 60 / 241


def test_a_key_younger_than_the_long_window_is_judged_by_the_window_itself() -> None:
    engine = _engine(_page(mode=Mode.CONSUMPTION), 1_000, 145)
    assert engine.active(KEY) == (True,)
    assert _first(engine).long.threshold == 144


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("expected", [None, 100_000])
@pytest.mark.parametrize("scale", [1, 10**13])
def test_one_key_is_judged_as_all_keys_are(mode: Mode, expected: int | None, scale: int) -> None:
    random = Random(f"{mode}{expected}{scale}")
    made = slo(
        tier(60 * SECOND, 10 * SECOND, "0.05", period_us=1_000 * SECOND),
        tier(100 * SECOND, 20 * SECOND, "0.08", period_us=1_000 * SECOND),
        period_us=1_000 * SECOND,
        mode=mode,
        expected_events=None if expected is None else expected * scale,
        min_events=50 * scale,
    )
    engine = Engine(made)
    keys = [KEY | {"release_id": f"release-{number}"} for number in range(12)]
    seen = set()
    for second in range(120):
        for key in keys:
            total = random.randrange(200) * scale
            engine.count(key, second * SECOND, total, random.randrange(total // 2 + 1))
        engine.advance((second + 1) * SECOND + 1, 0)
        burning = {key["release_id"]: any(engine.active(key)) for key in keys}
        seen |= set(burning.values())
        firing = {
            labels["release_id"] for labels, _, one in engine.episodes() if one.stage == "FIRING"
        }
        assert firing == {name for name, true in burning.items() if true}
    assert seen == {True, False} or mode is Mode.CONSUMPTION
