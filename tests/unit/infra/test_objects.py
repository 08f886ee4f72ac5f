"""Objects: whole or not there, addressed by their content, checked when fetched."""

import errno
import hashlib
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from infra.objects import (
    ObjectCorruptError,
    ObjectExistsError,
    ObjectMissingError,
    ObjectStore,
)


@pytest.fixture
def objects(tmp_path: Path) -> ObjectStore:
    return ObjectStore(f"file://{tmp_path}/store")


def test_the_same_bytes_have_one_address_and_come_back(objects: ObjectStore) -> None:
    first, second = (objects.put(b"model", kind="models", suffix=".onnx") for _ in range(2))
    assert first == second
    assert first.digest == hashlib.sha256(b"model").hexdigest()
    assert (first.bytes, objects.get(first.uri, digest=first.digest)) == (5, b"model")
    assert objects.list("models") == [f"models/{first.digest[:2]}/{first.digest}.onnx"]


def test_an_object_that_a_power_cut_left_short_is_stored_again(objects: ObjectStore) -> None:
    stored = objects.put(b"model", kind="models")
    Path(stored.uri.removeprefix("file://")).write_bytes(b"mo")
    assert objects.put(b"model", kind="models") == stored
    assert objects.get(stored.uri, digest=stored.digest) == b"model"


def test_a_name_holds_what_was_put_last_until_it_is_deleted(objects: ObjectStore) -> None:
    for body in (b"one", b"two"):
        objects.put_named("checkpoints/a", body)
    assert objects.get("checkpoints/a") == b"two"
    for _ in range(2):
        objects.delete("checkpoints/a")
    with pytest.raises(ObjectMissingError, match="checkpoints/a"):
        objects.get("checkpoints/a")
    assert objects.list("nothing/here") == []


def test_other_bytes_than_announced_are_named(objects: ObjectStore) -> None:
    stored = objects.put(b"picture", kind="frames")
    with pytest.raises(ObjectCorruptError, match=f"digest {stored.digest}, announced 00"):
        objects.get(stored.uri, digest="00" * 32)


def test_parts_are_stored_as_one_object(objects: ObjectStore) -> None:
    objects.put_named("checkpoints/a", b"head\n", memoryview(b"state"))
    assert objects.get("checkpoints/a") == b"head\nstate"
    bucket = ObjectStore("memory://parts")
    bucket.put_named("a", b"head\n", b"state")
    assert bucket.get("a") == b"head\nstate"


@pytest.mark.parametrize("step", ["open", "mv"])
def test_a_put_that_fails_leaves_nothing_and_says_where(
    objects: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """A full disk must not be filled further by halves of objects."""
    objects.put_named("checkpoints/a", b"old")

    def full(path: str, *_: Any) -> None:
        if step == "open":
            Path(path).write_bytes(b"ne")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(objects._fs, step, full)
    with pytest.raises(OSError, match="checkpoints/a: No space left on device"):
        objects.put_named("checkpoints/a", b"new")
    monkeypatch.undo()
    assert objects.get("checkpoints/a") == b"old"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["a"]


def test_bytes_are_on_the_disk_before_they_have_their_name_and_the_name_after(
    objects: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut after a put must not leave an empty checkpoint."""
    steps, move, settle = list[str](), objects._fs.mv, os.fsync

    def moved(*places: str) -> None:
        steps.append("name")
        move(*places)

    def settled(opened: int) -> None:
        kind = os.fstat(opened).st_mode
        steps.append("folder" if stat.S_ISDIR(kind) else "bytes")
        settle(opened)

    monkeypatch.setattr(objects._fs, "mv", moved)
    monkeypatch.setattr(os, "fsync", settled)
    objects.put_named("checkpoints/a", b"new")
    assert steps == ["bytes", "name", "folder"]


@pytest.mark.parametrize("root", ["file://{}/store", "memory://new-{}"])
def test_of_many_that_put_the_same_new_name_at_once_one_does(tmp_path: Path, root: str) -> None:
    objects = ObjectStore(root.format(tmp_path))

    def put(number: int) -> int | None:
        try:
            objects.put_new("updates/1.root.json", f"{number}".encode() * 1_000)
        except ObjectExistsError:
            return None
        return number

    with ThreadPoolExecutor(8) as pool:
        (won,) = [number for number in pool.map(put, range(8)) if number is not None]
    assert objects.get("updates/1.root.json") == f"{won}".encode() * 1_000
    assert objects.list("updates") == ["updates/1.root.json"]
    assert [path.name for path in tmp_path.rglob("*.partial")] == []
