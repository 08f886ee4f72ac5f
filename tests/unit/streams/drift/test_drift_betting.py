"""The always-valid test: bounds that hold, bets that win no more often than is allowed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.references import Reference, from_metrics, to_metrics
from streams.drift import scores
from streams.drift.betting import DOWN, UP, Bets, Table
from streams.drift.interval import intervals

FRAMES = 6


@pytest.mark.parametrize("share", [0.02, 0.2, 0.5, 0.9])
def test_bets_at_the_bound_win_no_more_often_than_ville_allows(share: float) -> None:
    """Frames of an encounter all alike, the worst that can be; the share exactly at its bound."""
    rng = np.random.default_rng(11)
    runs, looks, wins = 150, 60, 0
    for _ in range(runs):
        bets = Bets(Table.against(np.array([share]), np.array([share])), np.ones(1))
        highest = -np.inf
        for _ in range(looks):
            encounters = rng.binomial(25, share)
            bets.take(np.array([FRAMES * encounters]), FRAMES * 25, float(FRAMES))
            highest = max(highest, bets.nats)
        wins += highest >= np.log(20)
    assert wins <= 0.05 * runs + 3 * np.sqrt(0.05 * runs)


@pytest.mark.parametrize(("share", "side"), [(0.45, UP), (0.05, DOWN)])
def test_the_leader_is_what_changed_and_where_to(share: float, side: int) -> None:
    low, high = np.array([0.15, 0.4]), np.array([0.25, 0.6])
    bets = Bets(Table.against(low, high), np.array([0.5, 0.5]))
    for _ in range(20):
        bets.take(np.array([round(600 * share), 300]), 600, 6.0)
    assert bets.leader == (0, side)
    assert bets.nats > np.log(400)


def test_bounds_of_nothing_and_of_everything_leave_nothing_to_bet_on() -> None:
    bets = Bets(Table.against(np.zeros(1), np.ones(1)), np.ones(1))
    for _ in range(50):
        bets.take(np.array([6]), 6, 6.0)
    assert bets.nats == pytest.approx(0.0, abs=1e-9)


@given(
    st.integers(1, 5_000),
    st.lists(st.integers(0, 50), min_size=10, max_size=10).filter(any),
    st.floats(0.001, 0.5),
)
@settings(deadline=None, max_examples=60)
def test_bounds_hold_the_share_and_narrow_with_encounters(
    encounters: int, confidence: list[int], alpha: float
) -> None:
    frames = sum(confidence)
    times = -(-encounters // frames)
    made = [
        Reference(
            encounters=min(encounters, times * frames) * more,
            frames=times * frames * more,
            flips=0,
            confidence=tuple(count * times * more for count in confidence),
            classes=(times * frames * more, 0),
        )
        for more in (1, 4)
    ]
    (low, high), (nearer, narrower) = (intervals(one, alpha) for one in made)
    share = scores.hits(made[0].confidence, made[0].classes, 0) / made[0].frames
    assert ((low <= share) & (share <= high)).all()
    assert ((low <= nearer + 1e-9) & (narrower <= high + 1e-9)).all()
    assert from_metrics(to_metrics(made[0])) == made[0]


def test_a_share_is_outside_its_bounds_as_seldom_as_is_said() -> None:
    rng, wrong, runs = np.random.default_rng(3), 0, 150
    truth = np.array([0.0, 0.0, 0.02, 0.02, 0.06, 0.1, 0.1, 0.1, 0.2, 0.4])
    below = np.cumsum(truth)[:9]
    for _ in range(runs):
        drawn = rng.multinomial(300, truth)
        made = Reference(300, 300, 0, tuple(drawn.tolist()), (300,))
        low, high = intervals(made, 0.2)
        wrong += bool(((below < low[:9]) | (below > high[:9])).any())
    assert wrong <= 0.2 * runs
