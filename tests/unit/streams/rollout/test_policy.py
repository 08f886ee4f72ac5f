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
        ("ceilin: 0.1", "ceilin=0.1: Extra inputs are not permitted"),
        ("ceiling: 0.9", "ceiling=0.9: Input should be less than 0.5"),
        ("waves: [0.5, 0.1, 1.0]", r"waves=\[0.5, 0.1, 1.0\] must rise and end at 1"),
        ("waves: [0.1, 0.5]", "must rise and end at 1"),
        ("waves: []", "at least 1 item"),
        ("soak_s: soon", "soak_s='soon'"),
        ("{windows_over: 5, windows_judged: 2}", "windows_judged=2 must not be below"),
        ("[]", "must map keys to values, not list"),
        ("{a: b: c", "not YAML"),
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


def test_only_what_counts_changes_the_count() -> None:
    policy = Policy()
    wider = policy.model_copy(update={"waves": (0.5, 1.0)})
    stricter = policy.model_copy(update={"slo_share": 0.2})
    assert policy.digest != wider.digest
    assert policy.counting_digest == wider.counting_digest != stricter.counting_digest
