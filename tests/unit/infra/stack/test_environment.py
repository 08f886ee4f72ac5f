"""Variables give a child exactly the settings of the stack."""

import subprocess
from pathlib import Path

import pytest

from infra.settings import ClickHouseSettings, KafkaSettings, Settings
from infra.stack.environment import child_environment, shell_lines, unknown, variables

FULL = Settings(
    kafka=KafkaSettings(bootstrap="k:1", memory_only=True, ca_file=Path("/ca.pem")),
    clickhouse=ClickHouseSettings(tcp_port=1, http_port=2, database="d"),
    registry_url="http://r",
    objects_url="file:///a b/'c'",
    metrics_port=0,
    adopt_new_topic=True,
    checkpoint_interval_s=0.25,
)


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of the caller's own settings."""
    for name in variables(FULL):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("settings", [FULL, Settings()])
def test_settings_come_back_from_their_variables(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables(settings).items():
        monkeypatch.setenv(name, value)
    assert Settings() == settings


def test_a_child_gets_none_of_the_parents_own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEETLOOP_REGISTRY_URL", "http://old")
    monkeypatch.setenv("FLEETLOOP_KAFKA__SASL_USERNAME", "old")
    monkeypatch.setenv("FLEETLOOP_BROKER", "kafka")
    monkeypatch.setenv("UNRELATED", "kept")
    child = child_environment(Settings.model_construct())
    assert "FLEETLOOP_REGISTRY_URL" not in child
    assert "FLEETLOOP_KAFKA__SASL_USERNAME" not in child
    assert (child["FLEETLOOP_BROKER"], child["UNRELATED"]) == ("kafka", "kept")


def test_a_variable_that_nothing_reads_is_found() -> None:
    known = [*variables(FULL), "FLEETLOOP_BROKER", "FLEETLOOP_TEST_ENGINES", "PATH"]
    service = ["FLEETLOOP_SINK_SERVICE_HOST", "FLEETLOOP_SINK_PORT_9100_TCP_ADDR"]
    typos = ["FLEETLOOP_KAFAK__BOOTSTRAP", "FLEETLOOP_WEBHOK_URL"]
    assert unknown([*typos, *known, *service]) == typos


def test_a_shell_reads_the_env_file_back(tmp_path: Path) -> None:
    path = tmp_path / "stack.env"
    path.write_text(shell_lines(variables(FULL)))
    told = subprocess.run(["bash", "-c", f"source {path}; env -0"], capture_output=True, check=True)
    seen = dict(line.split("=", 1) for line in told.stdout.decode().split("\0") if line)
    assert {name: seen[name] for name in variables(FULL)} == variables(FULL)
