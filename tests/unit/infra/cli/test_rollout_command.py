"""`fleetloop rollout`: what it prints and how it ends."""

import dataclasses
import json
from pathlib import Path

from infra.cli.output import Exit
from tests.command_line import fleetloop
from tests.rollout_log import proposal


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


def test_a_trace_is_replayed_and_what_it_may_not_say_is_told_by_line(tmp_path: Path) -> None:
    trace = tmp_path / "trace.jsonl"
    lines = [
        {"at": 1_000_000, "topic": "model-releases", "value": dataclasses.asdict(proposal("r1"))},
        {"at": 2_000_000, "topic": "ota-acks", "value": {"state": "FLYING"}},
    ]
    trace.write_text("".join(json.dumps(line) + "\n" for line in lines))
    result = fleetloop("rollout", "replay", str(trace), "-o", "json")
    assert result.exit_code == Exit.OK
    told = json.loads(result.stdout)
    (decision,) = told["decisions"]
    assert (decision["kind"], decision["stratum"], decision["at"]) == ("VERIFIED", None, 1_000_000)
    assert decision["evidence"]["thresholds"]["ceiling"] == 0.01
    assert told["refused"][0]["line"] == 2
    table = fleetloop("rollout", "replay", str(trace))
    assert "VERIFIED" in table.stdout
    assert "line 2, ota-acks: refused: state: 'FLYING'" in table.stderr


def test_what_is_no_trace_is_named(tmp_path: Path) -> None:
    trace = tmp_path / "trace.jsonl"
    missing = fleetloop("rollout", "replay", str(trace))
    assert (missing.exit_code, "No such file" in missing.stderr) == (Exit.ERROR, True)
    trace.write_text("no\n")
    result = fleetloop("rollout", "replay", str(trace))
    assert (result.exit_code, "line 1: no JSON" in result.stderr) == (Exit.ERROR, True)


def test_a_wrong_policy_is_named(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("ceilling: 0.1\n")
    result = fleetloop("rollout", "power", "--policy", str(policy))
    assert result.exit_code == Exit.ERROR
    assert "ceilling" in result.stderr


def test_power_of_a_rate_tells_the_events_it_takes() -> None:
    result = fleetloop(
        "rollout", "power", "--metric", "disengagements", "--share", "0.5", "-o", "json"
    )
    assert result.exit_code == 0, result.output
    rows = {row["times_the_parents"]: row for row in json.loads(result.stdout)}
    assert rows[1.0]["events_until_harm"] is None
    assert rows[3.0]["events_until_harm"] < rows[1.5]["events_until_harm"]
    assert rows[0.5]["events_until_proven"] < rows[1.0]["events_until_proven"]
    assert rows[1.25]["events_until_proven"] is None
    assert "0.5 of the stratum on the release" in result.stderr


def test_a_metric_that_is_not_tested_is_named(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("metrics: {updates: {ceiling: 0.02}, edge_cases: {}}")
    result = fleetloop("rollout", "power", "--policy", str(policy), "--metric", "latency")
    assert result.exit_code == 1
    assert "does not test latency; its metrics are updates, edge_cases" in result.stderr
    result = fleetloop("rollout", "power", "--policy", str(policy))
    assert "prove that at most 0.02 of them fail" in result.stderr
