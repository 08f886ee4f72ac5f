"""What a rate costs, against a simulation of it."""

import math
from typing import Final

import numpy as np
import pytest

from streams.rollout.policy import Policy
from streams.rollout.rate_power import rate_power
from streams.rollout.rates import Windows, log_e_rate_harm
from streams.rollout.rules import RateRule

SEED: Final = 1_618
POLICY: Final = Policy()


@pytest.mark.parametrize("ratio", [2.0, 3.0])
def test_half_of_simulated_rollouts_need_about_as_many_events(ratio: float) -> None:
    share = 0.3
    found = {
        one.ratio: one for one in rate_power(POLICY, RateRule(), share=share, strata=1, tests=1)
    }
    rng, runs, days = np.random.default_rng(SEED), 500, 200
    events = rng.poisson(2 * ratio * share, (runs, days)).astype(np.float64)
    control = rng.poisson(2 * (1 - share), (runs, days)).astype(np.float64)
    each = np.full((runs, days), share)
    path = log_e_rate_harm(Windows(each, 1 - each, events, control))
    first = np.argmax(path >= math.log(100), axis=1)
    needed = np.cumsum(events, axis=1)[np.arange(runs), first]
    told = found[ratio].harm_events
    assert told is not None
    assert float(np.median(needed)) == pytest.approx(told, rel=0.2), SEED


def test_a_rate_at_its_null_is_neither_seen_nor_proven() -> None:
    found = {one.ratio: one for one in rate_power(POLICY, RateRule(), share=0.1, strata=3, tests=4)}
    assert found[1.0].harm_events is None
    assert found[1.25].proven_events is None
    assert found[0.5].harm_events is None


def test_a_share_without_a_control_is_refused() -> None:
    with pytest.raises(ValueError, match=r"share=1\.0 must be above 0 and below 1"):
        rate_power(POLICY, RateRule(), share=1.0, strata=1, tests=1)
