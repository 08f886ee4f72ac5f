"""The power table: exact, as published where it was published, and honest about small fleets."""

import math
import random

import pytest

from streams.rollout.evidence import Counts, log_e_harm, log_e_safe
from streams.rollout.policy import Policy
from streams.rollout.power import MULTIPLES, Chance, Power, flawless, power

SEED = 5_091


def table(policy: Policy, devices: int) -> dict[float, Chance]:
    found = power(policy, devices=devices, strata=1, tests=1)
    return dict(zip(MULTIPLES, found.chances, strict=False))


def test_a_simulation_of_the_median_until_proven_says_the_same() -> None:
    # 1,500 runs of 4,000 devices each, by numpy with seed 1: medians 327 and 965.
    chances = table(Policy(ceiling=0.02), 4_000)
    assert chances[0.25].proven_median == pytest.approx(327, rel=0.04)
    assert chances[0.5].proven_median == pytest.approx(965, rel=0.04)


def test_the_default_policy_in_three_strata_is_pinned() -> None:
    found = power(Policy(), devices=10_000, strata=3, tests=2)
    assert found.flawless == 367
    assert found.provable is None
    told = {
        round(chance.rate, 4): (chance.caught_median, chance.proven_median)
        for chance in found.chances
    }
    assert told == {
        0.0025: (None, 657),
        0.005: (None, 1_936),
        0.01: (None, None),
        0.015: (6_413, None),
        0.02: (1_723, None),
        0.03: (523, None),
        0.05: (183, None),
        0.1: (64, None),
    }


def test_at_the_ceiling_both_errors_keep_what_the_policy_promises() -> None:
    for ceiling in (0.01, 0.05, 0.1):
        at_ceiling = table(Policy(ceiling=ceiling), 5_000)[1.0]
        assert at_ceiling.caught <= 0.01
        assert at_ceiling.proven <= 0.05


def test_a_simulation_says_the_same() -> None:
    chance, policy, devices, runs = random.Random(SEED), Policy(ceiling=0.05), 400, 400
    exact = table(policy, devices)[3.0]
    caught, failed_until = 0, 0
    for _ in range(runs):
        failed = 0
        for n in range(1, devices + 1):
            failed += chance.random() < 0.15
            if log_e_harm(Counts(n, failed, failed), 0.05) >= policy.log_harm(1, 1):
                caught += 1
                break
        failed_until += failed
    assert caught / runs == pytest.approx(exact.caught, abs=4 * math.sqrt(0.25 / runs)), SEED
    assert failed_until / runs == pytest.approx(exact.failed_mean, rel=0.2), SEED


def test_flawless_devices_are_the_fewest_that_prove_it() -> None:
    wanted = Policy().log_safe
    for ceiling in (0.003, 0.02, 0.2):
        needed = flawless(ceiling, wanted)
        assert log_e_safe(Counts(needed, 0, 0), ceiling) >= wanted
        assert log_e_safe(Counts(needed - 1, 0, 0), ceiling) < wanted


def test_a_fleet_too_small_is_told_what_it_could_prove() -> None:
    found: Power = power(Policy(ceiling=0.02), devices=20, strata=1, tests=2)
    assert found.flawless == 183
    assert found.provable is not None
    assert flawless(found.provable, Policy().log_safe) <= 20
    assert all(chance.proven == 0 for chance in found.chances)


def test_a_ceiling_whose_multiples_are_no_rates_leaves_them_out() -> None:
    assert all(
        chance.rate < 1
        for chance in power(Policy(ceiling=0.3), devices=50, strata=1, tests=1).chances
    )


@pytest.mark.parametrize(
    ("devices", "strata", "tests"), [(0, 1, 1), (100_001, 1, 1), (5, 0, 1), (5, 1, 0)]
)
def test_numbers_out_of_range_are_named(devices: int, strata: int, tests: int) -> None:
    with pytest.raises(ValueError, match=f"devices={devices} must be 1 to 100000, strata={strata}"):
        power(Policy(), devices=devices, strata=strata, tests=tests)
