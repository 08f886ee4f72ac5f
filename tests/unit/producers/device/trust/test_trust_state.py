"""What a device keeps of its trust survives a full disk, and is refused when it is damaged."""

import errno
import os
from pathlib import Path

import pytest

from producers.device.client.files import FolderFiles
from producers.device.trust.refusal import RefusedError
from producers.device.trust.store import Store, TrustStateError
from tests.tuf_site import World


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(FolderFiles(tmp_path))
    store.put("root", b"old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        store.put("root", b"new")
    assert store.get("root") == b"old"


def test_a_file_is_in_place_only_when_it_and_its_folder_are_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[bool, bool]] = []
    monkeypatch.setattr(
        os,
        "fsync",
        lambda file: seen.append(
            (Path(f"/proc/self/fd/{file}").resolve().is_dir(), (tmp_path / "root.json").exists())
        ),
    )
    Store(FolderFiles(tmp_path)).put("root", b"new")
    assert seen == [(False, False), (True, True)]


def test_a_role_name_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    Store(FolderFiles(tmp_path / "state")).put("../outside", b"x")
    assert [file.name for file in (tmp_path / "state").iterdir()] == ["..%2Foutside.json"]


def test_a_device_without_a_root_trusts_nobody(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.state.director.drop("root")
    with pytest.raises(RefusedError, match="no root is trusted yet"):
        world.update()


def test_a_damaged_counter_is_named(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.update()
    (tmp_path / "state" / "release-counter.json").write_text('"7"')
    with pytest.raises(TrustStateError, match=r"release-counter\.json: must be an integer"):
        world.update()


def test_a_damaged_root_is_the_states_fault_and_not_the_repositorys(tmp_path: Path) -> None:
    world = World(tmp_path)
    (tmp_path / "state" / "director" / "root.json").write_bytes(b"garbage")
    with pytest.raises(TrustStateError, match=r"director/root\.json: must be JSON.*provision"):
        world.update()
