"""`fleetloop slo`: what it prints and how it ends."""

import json
from datetime import UTC, datetime, timedelta
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


def series(tmp_path: Path) -> tuple[Path, Path]:
    """Eight hours of a fleet with an outage of half an hour, and the incident."""
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    lines = ["time,hardware,release_id,total,bad"]
    for minute in range(1, 481):
        at = begin + timedelta(minutes=minute)
        bad = 1_000 if 300 < minute <= 330 else 0
        lines.append(f"{at:%Y-%m-%dT%H:%M:%SZ},HW3,r1,1000,{bad}")
    counts, incidents = tmp_path / "counts.csv", tmp_path / "incidents.csv"
    counts.write_text("\n".join(lines))
    incidents.write_text("start,end\n2026-01-01T05:00:00Z,2026-01-01T05:30:00Z\n")
    return counts, incidents


def vehicles(tmp_path: Path) -> str:
    """The SLO of the vehicles alone."""
    path = tmp_path / "slo.yaml"
    path.write_text(slo_file.DEFAULT_FILE.read_text().partition("---\n")[0])
    return str(path)


def test_backtest_prints_transitions_and_score(tmp_path: Path) -> None:
    counts, incidents = series(tmp_path)
    words = ["--slo", vehicles(tmp_path), "--series", str(counts), "--incidents", str(incidents)]
    result = fleetloop("slo", "backtest", *words, "-o", "json")
    assert result.exit_code == Exit.OK
    answer = json.loads(result.stdout)
    assert list(answer) == ["transitions", "score"]
    first = answer["transitions"][0]
    assert list(first) == ["slo", "key", "severity", "state", "at", "tiers"]
    assert (first["slo"], first["key"]) == (
        "perception-latency",
        {"hardware": "HW3", "release_id": "r1"},
    )
    page = next(one for one in answer["transitions"] if one["severity"] == "PAGE")
    assert (page["state"], page["at"]) == ("FIRING", "2026-01-01T05:09:00Z")
    assert page["tiers"][0] == {
        "long": "1h",
        "short": "5m",
        "burn_long": 15.0,
        "burn_short": 100.0,
        "active": True,
    }
    assert answer["score"]["by_severity"]["PAGE"]["detection_p50_s"] == 540.0
    table = fleetloop("slo", "backtest", *words)
    assert "2026-01-01T05:09:00Z" in table.stdout
    assert "detection_p50_s" in table.stdout


def test_backtest_without_incidents_has_no_score_and_says_which_label_is_not_stated(
    tmp_path: Path,
) -> None:
    counts, _ = series(tmp_path)
    counts.write_text(counts.read_text().replace(",release_id", ",street"))
    words = ["--slo", vehicles(tmp_path), "--series", str(counts)]
    result = fleetloop("slo", "backtest", *words, "-o", "json")
    assert json.loads(result.stdout)["score"] is None
    assert "no column release_id: NOT_STATED in every key" in result.stderr


def test_backtest_names_malformed_rows(tmp_path: Path) -> None:
    counts, _ = series(tmp_path)
    counts.write_text(counts.read_text() + "\nnever,HW3,r1,1,0\n2026-01-02T00:00:00Z,HW3,r1,1,2\n")
    result = fleetloop("slo", "backtest", "--series", str(counts))
    assert result.exit_code == Exit.ERROR
    assert "line 482: time='never'" in result.stderr
    assert "line 483: bad=2 is more than total=1" in result.stderr


def test_backtest_wants_a_series_or_a_time_range(tmp_path: Path) -> None:
    counts, _ = series(tmp_path)
    assert fleetloop("slo", "backtest").exit_code == Exit.USAGE
    both = fleetloop("slo", "backtest", "--series", str(counts), "--begin", "2026-01-01T00:00:00Z")
    assert both.exit_code == Exit.USAGE
    wrong = fleetloop("slo", "backtest", "--begin", "monday", "--end", "2026-01-01T00:00:00Z")
    assert (wrong.exit_code, "--begin='monday' is no time" in wrong.stderr) == (Exit.USAGE, True)
    empty = tmp_path / "empty.csv"
    empty.write_text("time,total,bad\n")
    none = fleetloop("slo", "backtest", "--series", str(empty))
    assert none.exit_code == Exit.CONDITION_NOT_MET


def test_export_writes_exact_numbers_for_prometheus_and_a_dashboard(tmp_path: Path) -> None:
    words = ["--prometheus", str(tmp_path / "rules"), "--grafana", str(tmp_path / "boards")]
    result = fleetloop("slo", "export", *words)
    assert result.exit_code == Exit.OK
    names = sorted(path.name for path in tmp_path.rglob("*.*"))
    assert names == [
        "perception-latency.rules.yaml",
        "perception-latency.test.yaml",
        "robot-perception-latency.rules.yaml",
        "robot-perception-latency.test.yaml",
        "slo.json",
    ]
    rules = (tmp_path / "rules" / "perception-latency.rules.yaml").read_text()
    for limit in ("0.144", "0.06", "0.03", "0.01"):
        assert f"> bool {limit})" in rules
    assert "99999" not in rules
    assert fleetloop("slo", "export").exit_code == Exit.USAGE


def test_export_says_what_one_minute_samples_cannot_show(tmp_path: Path) -> None:
    demo = Path(__file__).parents[4] / "infra" / "demo" / "slo.yaml"
    result = fleetloop("slo", "export", "--slo", str(demo), "--prometheus", str(tmp_path))
    assert result.exit_code == Exit.ERROR
    assert "window 20s is not whole minutes" in result.stderr
    assert list(tmp_path.iterdir()) == []
