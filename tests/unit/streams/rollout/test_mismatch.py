"""The e-value of a sample ratio."""

import math
from typing import Final

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta, multinomial

from streams.rollout.evidence import LOG_CAP
from streams.rollout.mismatch import PRIOR_DEVICES, log_e_mismatch

SEED: Final = 2_718


def test_the_closed_form_is_the_integral_over_the_prior() -> None:
    share, below, above = 0.2, 14, 31
    prior = beta(PRIOR_DEVICES * share, PRIOR_DEVICES * (1 - share))

    def weighed(q: float) -> float:
        ratio = (q / share) ** below * ((1 - q) / (1 - share)) ** above
        return ratio * float(prior.pdf(q))

    mean, _ = quad(weighed, 0, 1)
    assert math.exp(log_e_mismatch((below, above), (share, 1 - share))) == pytest.approx(mean)


def test_it_is_worth_one_on_average_while_the_shares_hold() -> None:
    shares, devices = (0.5, 0.3, 0.2), 12
    total = 0.0
    for first in range(devices + 1):
        for second in range(devices + 1 - first):
            counts = (first, second, devices - first - second)
            chance = multinomial.pmf(counts, devices, shares)
            total += chance * math.exp(log_e_mismatch(counts, shares))
    assert total == pytest.approx(1.0)


def test_devices_that_spread_as_they_should_hardly_ever_raise_an_alarm() -> None:
    rng, share, runs = np.random.default_rng(SEED), 0.05, 2_000
    alarms = 0
    for counts in np.cumsum(rng.random((runs, 40, 50)) < share, axis=1).sum(axis=2):
        looks = zip(counts.tolist(), range(50, 2_001, 50), strict=True)
        alarms += any(
            log_e_mismatch((n, heard - n), (share, 1 - share)) >= math.log(1_000)
            for n, heard in looks
        )
    assert alarms / runs <= 0.005, (SEED, alarms)


def test_a_tenth_of_the_candidates_lost_is_seen_in_a_large_stratum() -> None:
    heard = 20_000
    found = log_e_mismatch((9_000, heard - 9_000 - 1_000), (0.5, 0.5))
    assert found >= math.log(1_000)


def test_an_arm_of_no_share_may_hold_nobody() -> None:
    assert log_e_mismatch((40, 0), (1.0, 0.0)) == pytest.approx(0.0, abs=1e-9)
    assert log_e_mismatch((40, 1), (1.0, 0.0)) == LOG_CAP


@pytest.mark.parametrize("shares", [(0.5,), (0.5, 0.6), (1.5, -0.5)])
def test_shares_that_are_no_distribution_are_refused(shares: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="must be one for each of 2 arms, sum 1"):
        log_e_mismatch((1, 2), shares)
