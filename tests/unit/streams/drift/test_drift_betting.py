"""The always-valid test: edges that hold, bets that win no more often than is allowed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.references import CONFIDENCE_BINS, Ints, Reference, from_metrics, to_metrics
from streams.drift import scores
from streams.drift.betting import DOWN, UP, Bets, Table
from streams.drift.interval import LEVELS, edges

FRAMES = 6


def answered(rng: np.random.Generator, shares: np.ndarray, encounters: int, alike: float) -> Ints:
    """Confidence by encounter, int64 [n, 10]; a share `alike` of them has six times one answer."""
    each = rng.multinomial(FRAMES, shares, encounters)
    same = FRAMES * rng.multinomial(1, shares, encounters)
    return np.where(rng.random(encounters)[:, None] < alike, same, each)


def referred(confidence: Ints) -> Reference:
    nothing = np.zeros(len(confidence), np.int64)
    return Reference.of(confidence, confidence.sum(1)[:, None], nothing)


@pytest.mark.parametrize("share", [0.02, 0.2, 0.5, 0.9])
def test_bets_at_the_edge_win_no_more_often_than_ville_allows(share: float) -> None:
    """Frames of an encounter all alike, the worst that can be; the share exactly at its edge."""
    rng = np.random.default_rng(11)
    runs, looks, wins = 150, 60, 0
    for _ in range(runs):
        bets = Bets(Table.against(np.full((1, 2, 1), share), [np.inf]), np.ones(1))
        highest = -np.inf
        for _ in range(looks):
            encounters = rng.binomial(25, share)
            bets.take(np.array([FRAMES * encounters]), FRAMES * 25, float(FRAMES))
            highest = max(highest, bets.nats)
        wins += highest >= np.log(20)
    assert wins <= 0.05 * runs + 3 * np.sqrt(0.05 * runs)


@pytest.mark.parametrize("alike", [0.0, 0.5, 1.0])
def test_validation_and_bets_together_win_no_more_often_than_is_allowed(alike: float) -> None:
    """A small validation, which is often far from the truth, and a long life as the truth is."""
    rng, runs, wins = np.random.default_rng(5), 100, 0
    truth = np.array([0, 0, 0.02, 0.02, 0.06, 0.1, 0.1, 0.1, 0.2, 0.4])
    for _ in range(runs):
        made = referred(answered(rng, truth, 60, alike))
        bets = Bets(Table.against(edges(made), LEVELS), scores.weights(1))
        highest = -np.inf
        for _ in range(40):
            seen = answered(rng, truth, 50, alike).sum(0)
            bets.take(scores.hits(seen, [seen.sum()], 0), 50 * FRAMES, float(FRAMES))
            highest = max(highest, bets.nats)
        wins += highest >= np.log(20)
    assert wins <= 0.05 * runs


@pytest.mark.parametrize(("share", "side"), [(0.45, UP), (0.05, DOWN)])
def test_the_leader_is_what_changed_and_where_to(share: float, side: int) -> None:
    sides = np.array([[[0.25], [0.15]], [[0.6], [0.4]]])
    bets = Bets(Table.against(sides, [np.inf]), np.array([0.5, 0.5]))
    for _ in range(20):
        bets.take(np.array([round(600 * share), 300]), 600, 6.0)
    assert bets.leader == (0, side)
    assert bets.nats > np.log(400)


def test_what_validation_cannot_bear_out_is_never_won() -> None:
    """Bets alone may not win: ten encounters say little, whatever is answered afterwards."""
    few = referred(np.tile([0, 0, 0, 0, 0, 0, 0, 0, 0, FRAMES], (10, 1)))
    bets = Bets(Table.against(edges(few), LEVELS), scores.weights(1))
    for _ in range(200):
        bets.take(scores.hits([0] * 4 + [150] + [0] * 5, [150], 0), 150, float(FRAMES))
    assert bets.nats < LEVELS[-1]
    unknown = Bets(Table.against(np.array([[[1.0], [0.0]]]), [np.inf]), np.ones(1))
    for _ in range(50):
        unknown.take(np.array([6]), 6, 6.0)
    assert unknown.nats == pytest.approx(0.0, abs=1e-9)


@given(
    st.lists(st.lists(st.integers(0, 9), min_size=6, max_size=6), min_size=2, max_size=40),
    st.integers(2, 20),
)
@settings(deadline=None, max_examples=25)
def test_edges_enclose_the_share_and_narrow_with_encounters(
    answers: list[list[int]], times: int
) -> None:
    once = np.array([np.bincount(row, minlength=CONFIDENCE_BINS) for row in answers])
    made, more = referred(once), referred(np.tile(once, (times, 1)))
    assert from_metrics(to_metrics(made)) == made
    share = scores.hits(made.confidence, made.classes, 0) / made.frames
    found, narrower = edges(made), edges(more)
    assert (np.diff(found[:, UP]) >= 0).all()
    assert (np.diff(found[:, DOWN]) <= 0).all()
    assert (found[:, UP] >= share[:, None] - 1e-9).all()
    assert (found[:, DOWN] <= share[:, None] + 1e-9).all()
    assert (narrower[:, UP] <= found[:, UP] + 1e-9).all()
    assert (narrower[:, DOWN] >= found[:, DOWN] - 1e-9).all()


def test_frames_that_are_not_alike_make_edges_narrower() -> None:
    rng, shares = np.random.default_rng(2), np.full(CONFIDENCE_BINS, 0.1)
    width = {}
    for alike in (0.0, 1.0):
        found = edges(referred(answered(rng, shares, 400, alike)))[4]
        width[alike] = found[UP, 0] - found[DOWN, 0]
    assert width[0.0] < 0.6 * width[1.0]


@pytest.mark.parametrize("alike", [0.0, 1.0])
def test_a_share_is_beyond_its_edges_as_seldom_as_is_said(alike: float) -> None:
    rng, runs = np.random.default_rng(3), 150
    wrong = np.zeros((CONFIDENCE_BINS - 1, 2))
    truth = np.array([0.0, 0.0, 0.02, 0.02, 0.06, 0.1, 0.1, 0.1, 0.2, 0.4])
    below = np.cumsum(truth)[:-1]
    for _ in range(runs):
        found = edges(referred(answered(rng, truth, 300, alike)))[: len(below), :, 0]
        wrong += np.stack((below > found[:, UP], below < found[:, DOWN]), axis=1)
    assert (wrong <= np.exp(-LEVELS[0]) * runs).all()
