"""`fleetloop doctor` answers as data and by its exit code."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.cli import doctor as command
from infra.cli.output import Exit
from infra.doctor import Finding, Verdict
from infra.settings import Settings

GOOD = Finding(name="python", verdict=Verdict.OK, found="3.11.2")
DEAD = Finding(name="configured broker", verdict=Verdict.UNREACHABLE, found="k:1", cost="down")


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with Python and a broker that does not answer; nothing configured."""

    def examine(_: Path) -> list[Finding]:
        return [GOOD]

    def reach(_: Settings) -> list[Finding]:
        return [DEAD]

    monkeypatch.setattr(command, "examine", examine)
    monkeypatch.setattr(command, "reach", reach)
    monkeypatch.delenv("FLEETLOOP_KAFKA__BOOTSTRAP", raising=False)


def test_without_configured_engines_it_is_well() -> None:
    done = CliRunner().invoke(command.app, ["-o", "json"])
    assert done.exit_code == Exit.OK
    assert json.loads(done.stdout) == [
        {"name": "python", "verdict": "ok", "found": "3.11.2", "cost": ""}
    ]


@pytest.mark.parametrize("asked", ["by option", "by environment"])
def test_a_configured_engine_that_is_dead_is_exit_code_4(
    asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if asked == "by environment":
        monkeypatch.setenv("FLEETLOOP_KAFKA__BOOTSTRAP", "k:1")
    done = CliRunner().invoke(command.app, ["--engines"] if asked == "by option" else [])
    assert done.exit_code == Exit.UNREACHABLE
    assert "configured broker" in done.stdout
