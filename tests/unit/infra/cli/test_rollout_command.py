"""`fleetloop rollout`: what it prints and how it ends."""

import json
from pathlib import Path

from infra.cli.output import Exit
from tests.command_line import fleetloop


def test_power_tells_what_is_caught_and_what_proof_costs(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("ceiling: 0.1\n")
    result = fleetloop(
        "rollout", "power", "--policy", str(policy), "--devices", "300", "-o", "json"
    )
    assert result.exit_code == Exit.OK
    worst = json.loads(result.stdout)[-1]
    assert worst["failure_rate"] == 0.5
    assert worst["caught"] == 1.0
    assert worst["devices_until_caught"] < 20
    assert "35 devices without a failure prove that at most 0.1 of them fail" in result.stderr


def test_a_fleet_too_small_to_prove_its_ceiling_is_told_so() -> None:
    result = fleetloop("rollout", "power", "--devices", "20")
    assert result.exit_code == Exit.CONDITION_NOT_MET
    assert "20 devices is too small to prove ceiling=0.01" in result.stderr
    assert "ceiling=0.168 could be proven" in result.stderr


def test_a_wrong_policy_is_named(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("ceilling: 0.1\n")
    result = fleetloop("rollout", "power", "--policy", str(policy))
    assert result.exit_code == Exit.ERROR
    assert "ceilling" in result.stderr
