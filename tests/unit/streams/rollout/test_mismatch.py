"""The e-value of a sample ratio."""

import math
from typing import Final

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta, binom

from streams.rollout.evidence import LOG_CAP
from streams.rollout.mismatch import PRIOR_DEVICES, TOLERANCE, log_e_mismatch

SEED: Final = 2_718
ALARM: Final = math.log(1_000)


def test_the_closed_form_is_the_integral_over_the_prior_by_the_likeliest_null() -> None:
    share, candidates, control = 0.2, 14, 31
    prior = beta(PRIOR_DEVICES * share, PRIOR_DEVICES * (1 - share))
    null = share * (1 + TOLERANCE)  # 14 of 45 are more than that

    def weighed(q: float) -> float:
        ratio = (q / null) ** candidates * ((1 - q) / (1 - null)) ** control
        return ratio * float(prior.pdf(q))

    mean, _ = quad(weighed, 0, 1)
    assert math.exp(log_e_mismatch(candidates, control, share)) == pytest.approx(mean)


@pytest.mark.parametrize("share", [0.005, 0.1, 0.5, 0.95])
@pytest.mark.parametrize("off", [1 - TOLERANCE, 1.0, 1 + TOLERANCE])
def test_it_is_worth_at_most_one_on_average_for_every_chance_allowed(
    share: float, off: float
) -> None:
    devices = 60
    k = np.arange(devices + 1)
    chances = binom.pmf(k, devices, min(share * off, 1.0))
    values = [math.exp(log_e_mismatch(int(n), devices - int(n), share)) for n in k]
    assert float(chances @ values) <= 1 + 1e-9


@pytest.mark.parametrize("off", [1.0, 1 - TOLERANCE])
def test_devices_that_spread_as_they_may_hardly_ever_raise_an_alarm(off: float) -> None:
    rng, share, runs = np.random.default_rng(SEED), 0.05, 1_000
    found = np.cumsum(rng.binomial(50, share * off, (runs, 40)), axis=1)
    alarms = sum(
        any(
            log_e_mismatch(n, heard - n, share) >= ALARM
            for n, heard in zip(counts, range(50, 2_001, 50), strict=True)
        )
        for counts in found.tolist()
    )
    assert alarms / runs <= 0.004, (SEED, alarms)


def test_a_quarter_of_the_candidates_lost_is_seen_in_a_large_stratum() -> None:
    assert log_e_mismatch(750, 9_000, 0.1) >= ALARM
    assert log_e_mismatch(950, 9_000, 0.1) < 0, "a twentieth is not"


def test_a_small_wave_that_is_not_heard_of_at_all_is_seen() -> None:
    assert log_e_mismatch(0, 1_000, 0.005) < ALARM
    assert log_e_mismatch(0, 2_000, 0.005) >= ALARM


def test_nobody_heard_of_or_everybody_in_the_wave_is_no_evidence() -> None:
    assert log_e_mismatch(0, 0, 0.1) == 0.0
    assert log_e_mismatch(40, 0, 1.0) == 0.0
    assert log_e_mismatch(100_000, 0, 0.1) == LOG_CAP


@pytest.mark.parametrize("share", [0.0, -0.1, 1.1])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match=f"share={share} must be above 0 and at most 1"):
        log_e_mismatch(1, 2, share)
