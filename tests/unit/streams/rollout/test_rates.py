"""The e-values of a rate against its concurrent control."""

import math
from typing import Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from streams.rollout.evidence import LOG_CAP
from streams.rollout.rates import RATIOS, Windows, log_e_rate_harm, log_e_rate_safe

SEED: Final = 31_415


def windows(*rows: tuple[float, float, float, float]) -> Windows:
    """Rows of (exposure, control exposure, events, control events)."""
    return Windows(*np.array(rows, dtype=np.float64).reshape(-1, 4).T)


def test_the_mixture_is_the_mean_of_binomial_likelihood_ratios() -> None:
    told = ((120.0, 900.0, 7.0, 30.0), (300.0, 700.0, 20.0, 41.0))
    for null, found in (
        (1.0, log_e_rate_harm(windows(*told))[-1]),
        (1.25, log_e_rate_safe(windows(*told), 1.25)[-1]),
    ):
        ratios = RATIOS * null if null == 1.0 else null / RATIOS
        products = np.ones(len(ratios))
        for x_t, x_c, k_t, k_c in told:
            share, null_share = ratios * x_t / (ratios * x_t + x_c), null * x_t / (null * x_t + x_c)
            products *= binom.pmf(k_t, k_t + k_c, share) / binom.pmf(k_t, k_t + k_c, null_share)
        assert math.exp(found) == pytest.approx(products.mean(), rel=1e-9)


@pytest.mark.parametrize("true_ratio", [0.5, 1.0])
@pytest.mark.parametrize("share", [0.005, 0.1, 0.5])
def test_one_window_is_worth_at_most_one_while_the_null_holds(
    true_ratio: float, share: float
) -> None:
    # The whole distribution of one window's split, not a sample: E of the e-value.
    total = 40
    k = np.arange(total + 1.0)
    each = Windows(
        np.full((total + 1, 1), share),
        np.full((total + 1, 1), 1 - share),
        k[:, None],
        total - k[:, None],
    )
    theta = true_ratio * share / (true_ratio * share + 1 - share)
    chances = binom.pmf(k, total, theta)
    assert float(chances @ np.exp(log_e_rate_harm(each)[:, 0])) <= 1 + 1e-9
    margin = 1.25
    theta = margin / true_ratio * share / (margin / true_ratio * share + 1 - share)
    chances = binom.pmf(k, total, theta)
    assert float(chances @ np.exp(log_e_rate_safe(each, margin)[:, 0])) <= 1 + 1e-9


def test_more_events_of_the_candidates_are_more_harm_and_less_safety() -> None:
    events = np.arange(60.0)[:, None]
    same = np.full((60, 1), 50.0)
    each = Windows(same, 10 * same, events, 6 * same)
    harm, safe = log_e_rate_harm(each)[:, 0], log_e_rate_safe(each, 1.25)[:, 0]
    assert (np.diff(harm[30:]) > 0).all()
    assert (np.diff(safe) < 0).all()


@given(
    st.lists(
        st.tuples(
            st.floats(0.01, 1e6), st.floats(0.01, 1e6), st.integers(0, 50), st.integers(0, 50)
        ),
        max_size=12,
    ),
    st.floats(1e-3, 1e3),
)
@settings(max_examples=60, deadline=None)
def test_units_and_the_order_of_the_windows_do_not_matter_in_the_end(
    rows: list[tuple[float, float, int, int]], unit: float
) -> None:
    forwards = log_e_rate_harm(windows(*rows))
    changed = windows(*((unit * t, unit * c, k, m) for t, c, k, m in reversed(rows)))
    assert len(forwards) == len(rows)
    if rows:
        assert log_e_rate_harm(changed)[-1] == pytest.approx(forwards[-1], abs=1e-6)


def test_no_window_is_no_evidence_and_huge_counts_stay_finite() -> None:
    assert log_e_rate_harm(windows()).shape == (0,)
    far = windows((1e9, 1e9, 1e7, 1.0))
    assert log_e_rate_harm(far)[-1] == LOG_CAP
    assert log_e_rate_safe(far, 1.25)[-1] == -LOG_CAP
