"""The e-values of the share of failing devices."""

import math
import random

import pytest

from streams.rollout.evidence import LOG_CAP, Counts, log_e_harm, log_e_safe


@pytest.mark.parametrize(
    ("ceiling", "devices"), [(0.01, 367), (0.02, 183), (0.05, 72), (0.10, 35), (0.20, 17)]
)
def test_as_many_flawless_devices_prove_safety_as_published(ceiling: float, devices: int) -> None:
    wanted = math.log(20)
    assert log_e_safe(Counts(devices, 0, 0), ceiling) >= wanted
    assert log_e_safe(Counts(devices - 1, 0, 0), ceiling) < wanted


def test_no_device_is_no_evidence() -> None:
    assert log_e_harm(Counts(), 0.1) == pytest.approx(0.0, abs=1e-12)
    assert log_e_safe(Counts(), 0.1) == pytest.approx(0.0, abs=1e-12)


def test_more_failures_are_more_harm_and_less_safety() -> None:
    harm = [log_e_harm(Counts(60, s, s), 0.1) for s in range(4, 61)]
    safe = [log_e_safe(Counts(60, s, s), 0.1) for s in range(61)]
    assert harm == sorted(harm)
    assert safe == sorted(safe, reverse=True)


def test_undecided_devices_never_help_either_test() -> None:
    waiting = Counts(n=50, failures_low=3, failures_high=30)
    assert log_e_harm(waiting, 0.1) <= log_e_harm(Counts(50, 30, 30), 0.1)
    assert log_e_safe(waiting, 0.1) <= log_e_safe(Counts(50, 3, 3), 0.1)


def test_values_stay_finite_far_out() -> None:
    far = Counts(1_000_000, 900_000, 900_000)
    assert log_e_harm(far, 0.01) == LOG_CAP
    assert log_e_safe(far, 0.01) == -LOG_CAP
    assert math.isfinite(math.exp(LOG_CAP))


def test_the_mixture_is_the_average_of_likelihood_ratios() -> None:
    # The closed form against the integral it stands for, by plain summation over q.
    n, s, p0, a, b = 20, 4, 0.1, 0.5, 5.0
    steps = [p0 + (i + 0.5) * (1 - p0) / 200_000 for i in range(200_000)]
    weights = [q ** (a - 1) * (1 - q) ** (b - 1) for q in steps]
    ratios = [(q / p0) ** s * ((1 - q) / (1 - p0)) ** (n - s) for q in steps]
    mean = sum(w * r for w, r in zip(weights, ratios, strict=True)) / sum(weights)
    assert math.exp(log_e_harm(Counts(n, s, s), p0)) == pytest.approx(mean, rel=1e-4)


def test_a_release_at_the_ceiling_is_rarely_accused_however_often_one_looks() -> None:
    chance, alarms = random.Random(7), 0
    for _ in range(300):
        failed, peak = 0, -math.inf
        for n in range(1, 151):
            failed += chance.random() < 0.1
            peak = max(peak, log_e_harm(Counts(n, failed, failed), 0.1))
        alarms += peak >= math.log(1 / 0.05)
    assert alarms <= 0.05 * 300


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="failures=3 must be between 0 and n=2"):
        log_e_harm(Counts(2, 3, 3), 0.1)
