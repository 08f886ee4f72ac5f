"""`fleetloop slo`: what it prints and how it ends."""

import json
from pathlib import Path

from infra.cli.output import Exit
from streams.slo import slo_file
from tests.command_line import fleetloop


def test_lint_is_silent_about_the_file_that_ships() -> None:
    result = fleetloop("slo", "lint")
    assert (result.exit_code, result.stdout) == (Exit.OK, "")
    assert "no problems in perception-latency, robot-perception-latency" in result.stderr


def test_lint_lists_every_problem_and_ends_with_1(tmp_path: Path) -> None:
    path = tmp_path / "fleet.yaml"
    text = slo_file.DEFAULT_FILE.read_text()
    path.write_text(text.replace("op: lte", "op: lt"))
    result = fleetloop("slo", "lint", str(path), "-o", "json")
    rows = json.loads(result.stdout)
    assert result.exit_code == Exit.ERROR
    assert [row["field"] for row in rows] == ["spec.objectives[0].op", "spec.objectives[0].op"]
    assert rows[0]["line"] == text[: text.index("op: lte")].count("\n") + 1
    assert "2 problems" in result.stderr


def test_lint_of_a_missing_file_names_it(tmp_path: Path) -> None:
    result = fleetloop("slo", "lint", str(tmp_path / "none.yaml"))
    assert result.exit_code == Exit.ERROR
    assert "none.yaml" in result.stderr
