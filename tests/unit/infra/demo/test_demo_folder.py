"""The demo empties its own folder and nobody else's."""

from pathlib import Path

import pytest

from infra.demo.pager import Pager
from infra.demo.run import STACK, FolderError, _settings, emptied
from infra.stack.data_dir import DataDirBusyError, hold


def test_what_an_earlier_demo_left_is_gone(tmp_path: Path) -> None:
    folder = emptied(tmp_path / "demo")
    (folder / "report.json").touch()
    (folder / "keys").mkdir()
    (folder / STACK / "logs").mkdir()
    (folder / STACK / "logs" / "sink.log").touch()
    emptied(folder)
    assert [path.name for path in folder.iterdir()] == [STACK]
    assert [path.name for path in (folder / STACK).iterdir()] == ["stack.lock"]


def test_where_a_stack_keeps_its_things_is_not_where_the_demo_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEETLOOP_OBJECTS_URL", "file:///elsewhere")
    monkeypatch.setenv("FLEETLOOP_KEYS_DIR", "/elsewhere")
    monkeypatch.setenv("FLEETLOOP_METRICS_PORT", "9100")
    with Pager() as pager:
        settings = _settings(tmp_path / "scenario.yaml", tmp_path, pager)
    assert settings.objects_url == f"file://{tmp_path / STACK / 'objects'}"
    assert settings.keys_dir == tmp_path / "keys"
    assert settings.metrics_port is None


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / STACK).mkdir()
    (tmp_path / STACK / "precious.py").touch()
    with pytest.raises(FolderError, match=r"not of an earlier demo; name another with --folder"):
        emptied(tmp_path)
    assert (tmp_path / STACK / "precious.py").exists()


def test_a_demo_that_runs_keeps_its_data(tmp_path: Path) -> None:
    folder = emptied(tmp_path / "demo")
    (folder / "report.json").touch()
    with hold(folder / STACK), pytest.raises(DataDirBusyError, match="in use by the stack of pid"):
        emptied(folder)
    assert (folder / "report.json").exists()
