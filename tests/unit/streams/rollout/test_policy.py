"""Policies that cannot hold are refused with key, value and rule."""

from pathlib import Path

import pytest

from streams.rollout.policy import Policy, PolicyError, load_policy
from tests.rollout_world import DEMO_POLICY


def test_without_a_file_the_policy_is_that_of_a_fleet_on_the_road() -> None:
    policy = load_policy(None)
    assert policy == Policy()
    assert (policy.ceiling, policy.waves[0], policy.minimum_devices) == (0.01, 0.005, 20)


def test_the_demo_has_the_pace_of_seconds() -> None:
    assert DEMO_POLICY.ceiling == 0.10
    assert DEMO_POLICY.soak_s == 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ceilin: 0.1", r"line 1, ceilin=0.1: there is no such key; did you mean ceiling\?"),
        ("soak_s: 1\nceiling: 0.9", "line 2, ceiling=0.9: Input should be less than 0.5"),
        ("waves: [0.5, 0.1, 1.0]", r"waves=\[0.5, 0.1, 1.0\] must rise and end at 1"),
        ("waves: [0.1, 0.5]", "must rise and end at 1"),
        ("xyz: 1", "xyz=1: there is no such key; the keys are ceiling, failure_rate, metrics"),
        (
            "metrics: {braking: {}}",
            "metrics.braking={}: there is no such key; the keys are updates, latency, disengage",
        ),
        (
            "metrics: {latency: {margin: 2}}",
            "line 1, metrics.latency.margin=2: there is no such key; the keys are ceiling, guard",
        ),
        ("metrics: {edge_cases: {margin: 1}}", "margin=1: Input should be greater than 1"),
        ("metrics:", "metrics=None: must map names to values, such as {}; the names are updates, "),
        ("metrics: {updates: 3}", "metrics.updates=3: must map names to values, .* are ceiling"),
        ("metrics: {updates: {guard: false}}", "guard=false in every metric: one at least must"),
        ("{ceiling: 0.1, failure_rate: 0.01}", "state one; the ceiling is max"),
        ("failure_rate: 0.2", "failure_rate=0.2: Input should be less than 0.125"),
        ("holdback: 0.5", "holdback=0.5: Input should be less than 0.5"),
        ("waves: []", "at least 1 item"),
        ("soak_s: soon", "soak_s='soon'"),
        ("{windows_over: 5, windows_judged: 2}", "windows_judged=2 must not be below"),
        ("soak_s: inf", "line 1, soak_s='inf': Input should be a finite number"),
        ("alpha_safe: .nan", "line 1, alpha_safe='.nan': Input should be a valid number"),
        ("ceiling: 0.1\nceiling: 0.2", "line 2: key ceiling stands twice, first in line 1"),
        ("ceiling: 1\nsoak_s: x", "line 1, ceiling=1: .*; line 2, soak_s='x': "),
        ("waves: &a [1.0]", "line 1: anchor &a: remove it"),
        ("", r"must map keys to values, once, such as \{\}"),
        ("[]", "must map keys to values"),
        ("{}\n---\n{}", "must map keys to values, once"),
        ("{a: b: c", "line 1: no YAML"),
    ],
)
def test_a_wrong_policy_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    with pytest.raises(PolicyError, match=message):
        load_policy(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"nowhere.yaml: No such file.*set policy_file"):
        load_policy(tmp_path / "nowhere.yaml")


def written(tmp_path: Path, text: str) -> Policy:
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    return load_policy(path)


def test_metrics_that_are_named_are_the_tests(tmp_path: Path) -> None:
    policy = written(tmp_path, "metrics:\n  latency: {ceiling: 0.05, guard: false}\n  edge_cases:")
    assert policy.ceilings == {"ota-acks": 0.01, "inference-events": 0.05}
    assert [(name.value, rule.guard) for name, rule in policy.metrics.shares()] == [
        ("updates", True),
        ("latency", False),
    ]
    assert [(name.value, rule.margin) for name, rule in policy.metrics.rates()] == [
        ("edge_cases", 1.25)
    ]
    assert policy.metrics.tests(compared=True) == 3
    assert policy.metrics.tests(compared=False) == 2


@pytest.mark.parametrize(("rate", "ceiling"), [(0.0, 0.01), (0.002, 0.01), (0.01, 0.04)])
def test_the_ceiling_may_follow_from_the_failure_rate_of_the_past(
    tmp_path: Path, rate: float, ceiling: float
) -> None:
    assert written(tmp_path, f"failure_rate: {rate}").ceiling == ceiling


def test_the_last_wave_leaves_the_holdback() -> None:
    policy = Policy(waves=(0.1, 1.0), holdback=0.05)
    assert [policy.share(wave) for wave in (0, 1)] == [0.1, 0.95]


def test_only_what_counts_changes_the_count() -> None:
    policy = Policy()
    wider = policy.model_copy(update={"waves": (0.5, 1.0)})
    stricter = policy.model_copy(update={"slo_share": 0.2})
    assert policy.digest != wider.digest
    assert policy.counting_digest == wider.counting_digest != stricter.counting_digest


@pytest.mark.parametrize(
    ("devices", "share"),
    [(0, 0.005), (100_000, 0.005), (10_000, 0.005), (2_000, 0.025), (500, 0.1), (60, 0.1)],
)
def test_the_first_wave_has_fifty_devices_as_far_as_the_budget_allows(
    devices: int, share: float
) -> None:
    assert Policy().share(0, devices) == pytest.approx(share)
    assert Policy().share(1, devices) == 0.025


def test_a_first_wave_never_reaches_the_holdback() -> None:
    policy = Policy(holdback=0.2, exposure_budget=1.0)
    assert policy.share(0, 50) == 0.8
