"""A data folder is held by one stack, and has room."""

import os
from pathlib import Path

import pytest

from infra.stack.data_dir import DataDirBusyError, DiskFullError, hold, require_space


def test_a_folder_is_held_once_and_free_again(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    said = rf"{folder}: in use .* pid {os.getpid()};"
    with hold(folder), pytest.raises(DataDirBusyError, match=said), hold(folder):
        pytest.fail("held twice")
    with hold(folder):
        pass


def test_a_full_disk_is_named_with_what_is_free_and_needed(tmp_path: Path) -> None:
    with pytest.raises(DiskFullError, match=rf"disk of {tmp_path} is full: \d+ KiB free"):
        require_space(tmp_path, needed=1 << 62)
