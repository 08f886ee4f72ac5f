"""The file layer: what is safe survives every cut, what is not may go."""

from pathlib import Path
from random import Random

import pytest

from producers.device.client.files import Files, FolderFiles, replace_file
from producers.device.client.memory_files import MemoryFiles
from producers.device.client.part_file import PartFile
from tests.power import Disk, Fuse, PowerCutError


@pytest.fixture(params=["folder", "memory", "disk"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    kinds: dict[str, Files] = {
        "folder": FolderFiles(tmp_path / "device"),
        "memory": MemoryFiles({}),
        "disk": Disk(),
    }
    return kinds[request.param]


def test_files_are_written_added_to_renamed_and_removed(files: Files) -> None:
    assert files.read("a/model") is None
    files.write("a/model", b"one")
    files.append("a/model", b"two")
    files.append("new", b"three")
    files.sync("a/model")
    files.sync_names("a/model")
    assert (files.read("a/model"), files.read("new")) == (b"onetwo", b"three")
    assert files.names("a") == ["a/model"]
    assert files.names("nowhere") == []
    files.rename("a/model", "b/model")
    files.write("new", b"4")
    assert (files.read("a/model"), files.read("b/model")) == (None, b"onetwo")
    assert files.read("new") == b"4"
    files.remove("new")
    files.remove("new")
    files.sync_names("new")
    assert files.read("new") is None


def test_a_replaced_file_is_old_or_new_wherever_the_power_goes() -> None:
    seen = set()
    for at in range(4):
        for before in (True, False):
            for seed in range(8):
                disk = Disk()
                replace_file(disk, "state", b"old state")
                with pytest.raises(PowerCutError):
                    replace_file(Fuse(disk, at, before=before), "state", b"new")
                disk.cut(Random(seed))
                seen.add(disk.read("state"))
    assert seen == {b"old state", b"new"}


def test_what_was_not_synced_may_be_lost_torn_or_zeroed() -> None:
    left = set()
    for seed in range(60):
        disk = Disk()
        disk.write("part", b"ab")
        disk.sync("part")
        disk.sync_names("part")
        disk.append("part", b"cd")
        disk.cut(Random(seed))
        left.add(disk.read("part"))
    assert {b"ab", b"abc", b"abcd", b"ab\0\0"} <= left


def test_a_name_that_was_not_synced_may_be_lost() -> None:
    left = set()
    for seed in range(20):
        disk = Disk()
        disk.write("new", b"x")
        disk.sync("new")
        disk.cut(Random(seed))
        left.add(disk.read("new"))
    assert left == {None, b"x"}


def test_a_part_that_was_kept_survives(files: Files) -> None:
    part = PartFile(files, "download/model")
    assert list(part.read()) == []
    part.append(b"one")
    part.append(b"two")
    if isinstance(files, Disk):
        files.cut(Random(1))
    assert b"".join(part.read()) == b"onetwo"
    part.clear()
    assert list(part.read()) == []


def test_a_full_disk_and_a_locked_folder_say_so() -> None:
    disk = Disk(space=10, locked={"b"})
    disk.write("a/model", b"12345678")
    with pytest.raises(OSError, match="No space left"):
        disk.append("a/model", b"999")
    with pytest.raises(PermissionError):
        disk.rename("a/model", "b/model")
    assert disk.read("a/model") == b"12345678"
