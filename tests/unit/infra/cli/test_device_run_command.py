"""`fleetloop device run`: what a new device begins to trust, and what it cannot begin with."""

from pathlib import Path
from typing import Any, Final, NoReturn

import pytest
import yaml

from infra.cli import device_run
from infra.cli.output import Exit
from infra.kafka.errors import KafkaUnreachableError
from infra.keys import make_keys
from producers.device.client.files import FolderFiles
from producers.device.client.layout import TRUST
from producers.device.trust.places import METADATA
from producers.device.trust.state import TrustState
from tests.command_line import fleetloop
from tests.unit.producers.device import kit

OURS: Final = {"director": b"our Director's Root", "images": b"our image repository's Root"}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keys, a scenario, and an object store in which a thief has put Roots of its own."""
    make_keys(tmp_path / "keys")
    (tmp_path / "scenario.yaml").write_text(
        yaml.safe_dump(kit.scenario().model_dump(mode="json", exclude_defaults=True))
    )
    for repository in OURS:
        folder = tmp_path / "objects" / METADATA[repository]
        folder.mkdir(parents=True)
        (folder / "1.root.json").write_bytes(b"a thief's")
    monkeypatch.setenv("FLEETLOOP_KEYS_DIR", str(tmp_path / "keys"))
    monkeypatch.setenv("FLEETLOOP_OBJECTS_URL", (tmp_path / "objects").as_uri())
    monkeypatch.setattr(device_run, "Follower", _unreachable)
    return tmp_path


def _unreachable(*_: Any) -> NoReturn:
    raise KafkaUnreachableError("broker 127.0.0.1:1 does not answer")


def run(here: Path, device: str = "hw3-00000") -> Any:
    where = ["--state", str(here / "device"), "--scenario", str(here / "scenario.yaml")]
    return fleetloop("device", "run", "--device", device, *where)


def roots(here: Path) -> dict[str, bytes | None]:
    trust = TrustState(FolderFiles(here / "device"), TRUST)
    return {"director": trust.director.get("root"), "images": trust.images.get("root")}


def pin(here: Path, pinned: dict[str, bytes]) -> None:
    for repository, root in pinned.items():
        (here / f"keys/{repository}.root.json").write_bytes(root)


def test_a_device_begins_with_the_roots_of_the_factory_and_keeps_them(here: Path) -> None:
    pin(here, OURS)
    assert run(here).exit_code == Exit.UNREACHABLE
    assert roots(here) == OURS
    pin(here, dict.fromkeys(OURS, b"another installation's"))
    assert run(here).exit_code == Exit.UNREACHABLE
    assert roots(here) == OURS


@pytest.mark.parametrize("repository", ["director", "images"])
def test_a_root_of_the_object_store_is_never_the_first(here: Path, repository: str) -> None:
    pin(here, OURS)
    (here / f"keys/{repository}.root.json").unlink()
    done = run(here)
    assert (done.exit_code, f"{repository}.root.json: No such file" in done.stderr) == (
        Exit.ERROR,
        True,
    ), done.stderr
    assert roots(here) == dict.fromkeys(OURS)


def test_a_device_that_is_not_of_the_scenario_is_named(here: Path) -> None:
    done = run(here, "hw9-00000")
    assert (done.exit_code, "has none of that id" in done.stderr) == (Exit.USAGE, True)
