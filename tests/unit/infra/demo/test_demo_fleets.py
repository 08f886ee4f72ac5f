"""The fleets of the demo are large enough for its policy: no good release waits for a person."""

from pathlib import Path

import pytest

from producers.scenario.file import load
from streams.rollout.policy import load_policy
from streams.rollout.power import flawless

DEMO = Path(__file__).parents[4] / "infra/demo"


@pytest.mark.parametrize("name", ["scenario.yaml", "robots.yaml"])
def test_what_may_run_unproven_is_enough_to_prove(name: str) -> None:
    """Robots were forty once: thirty may run what is not proven, and every release was held."""
    policy = load_policy(DEMO / "policy.yaml")
    needed = flawless(policy.ceiling, policy.log_safe)
    for hardware, devices in load(DEMO / name).devices.items():
        assert devices * policy.exposure_budget > needed, f"{hardware}: {devices} devices"
