"""`fleetloop fleet run`: what it cannot start with is one sentence and its own exit code."""

from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml

from infra.cli import fleet
from infra.cli.output import Exit
from infra.kafka.errors import KafkaUnreachableError
from infra.keys import make_keys
from tests.command_line import fleetloop
from tests.unit.producers.device import kit


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with keys and a scenario, and settings that point to it."""
    make_keys(tmp_path / "keys")
    (tmp_path / "scenario.yaml").write_text(
        yaml.safe_dump(kit.scenario().model_dump(mode="json", exclude_defaults=True))
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLEETLOOP_KEYS_DIR", str(tmp_path / "keys"))
    monkeypatch.setenv("FLEETLOOP_OBJECTS_URL", f"file://{tmp_path}/objects")
    return tmp_path


def run(*options: str) -> Any:
    return fleetloop("fleet", "run", *options)


def unreachable(*_: Any) -> NoReturn:
    raise KafkaUnreachableError("broker 127.0.0.1:1 does not answer")


def test_the_time_to_drive_begins_with_the_first_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr("infra.cli.fleet.time.monotonic", lambda: now[0])
    with fleet.stopping(3.0) as stopping:
        now[0] += 50
        assert not stopping()
        now[0] += 2.9
        assert not stopping()
        now[0] += 0.2
        assert stopping()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "no scenario; give --scenario or set FLEETLOOP_SCENARIO_FILE"),
        (["--scenario", "none.yaml"], "name a readable YAML file"),
        (["--scenario", "bad.yaml"], "drive.fps: unknown key; remove it"),
        (["--scenario", "scenario.yaml", "--shard", "2/2"], "--shard 2/2: must be I/N"),
        (["--scenario", "scenario.yaml", "--shard", "one"], "--shard one: must be I/N"),
    ],
)
def test_wrong_use_is_named(here: Path, options: list[str], message: str) -> None:
    (here / "bad.yaml").write_text("name: bad\ndrive: {fps: 3}\n")
    found = run(*options)
    assert (found.exit_code, message in found.stderr) == (Exit.USAGE, True), found.stderr


def test_a_missing_keyring_is_named(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEETLOOP_KEYS_DIR", "none")
    found = run("--scenario", str(here / "scenario.yaml"))
    assert found.exit_code == Exit.ERROR
    assert "keyring none/keyring.yaml" in found.stderr


def test_a_camera_that_is_not_there_is_named(here: Path) -> None:
    scenario = yaml.safe_load((here / "scenario.yaml").read_text())
    (here / "scenario.yaml").write_text(yaml.safe_dump({**scenario, "camera": "tracks.npz"}))
    found = run("--scenario", str(here / "scenario.yaml"))
    assert found.exit_code == Exit.ERROR
    assert "must lie beside the pictures" in found.stderr


def test_a_broker_that_does_not_answer_has_its_own_exit_code(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "Follower", unreachable)
    found = run("--scenario", str(here / "scenario.yaml"))
    assert found.exit_code == Exit.UNREACHABLE
    assert "127.0.0.1:1 does not answer" in found.stderr


def test_storage_of_devices_that_cannot_be_read_is_named(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent:
        def __init__(self, *_: Any) -> None: ...

        def close(self) -> None: ...

    monkeypatch.setattr(fleet, "Follower", Silent)
    kept = here / "objects/fleet/test/0-of-1.json"
    kept.parent.mkdir(parents=True)
    kept.write_text("{")
    found = run("--scenario", str(here / "scenario.yaml"))
    assert found.exit_code == Exit.ERROR
    assert "storage of devices: not readable" in found.stderr


@pytest.mark.parametrize(
    ("pinned", "exit_code", "said"),
    [
        ((), Exit.UNREACHABLE, "devices take every model that a valid decision names"),
        (("images",), Exit.ERROR, "director.root.json: No such file"),
        (("director", "images"), Exit.UNREACHABLE, "devices verify the metadata of both"),
    ],
)
def test_what_devices_believe_is_said_at_the_start(
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    pinned: tuple[str, ...],
    exit_code: Exit,
    said: str,
) -> None:
    for repository in pinned:
        (here / f"keys/{repository}.root.json").write_text("{}")
    monkeypatch.setattr(fleet, "Follower", unreachable)
    found = run("--scenario", str(here / "scenario.yaml"))
    assert (found.exit_code, said in found.stderr) == (exit_code, True), found.stderr


def test_trust_of_devices_that_cannot_be_read_is_named(here: Path) -> None:
    for repository in ("director", "images"):
        (here / f"keys/{repository}.root.json").write_text("{}")
    kept = here / "objects/fleet/test/0-of-1.trust.json"
    kept.parent.mkdir(parents=True)
    kept.write_text("{")
    found = run("--scenario", str(here / "scenario.yaml"))
    assert found.exit_code == Exit.ERROR
    assert "trust of the fleet: not readable" in found.stderr
