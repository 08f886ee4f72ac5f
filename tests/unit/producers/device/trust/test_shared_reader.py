"""Devices that share the reading of files share no trust: each judges by its own state and time."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from producers.device.trust import documents, reading
from producers.device.trust.cycle import UpdateCycle, Verified
from producers.device.trust.documents import Delegator, Document
from producers.device.trust.predicate import Identity
from producers.device.trust.reading import SharedReader
from producers.device.trust.refusal import Reason, RefusedError
from tests.tuf_site import ME, NOW, TestKey, World


def verify(world: World, reader: SharedReader, me: Identity = ME, days: int = 0) -> Verified:
    cycle = UpdateCycle(
        director=world.director, images=world.images, state=world.state, me=me, reader=reader
    )
    return cycle.verify("model", NOW + timedelta(days=days))


@pytest.fixture
def worlds(tmp_path: Path) -> tuple[World, World]:
    """Two devices of one pair of repositories."""
    first, second = World(tmp_path / "1"), World(tmp_path / "2")
    second.director, second.images = first.director, first.images
    return first, second


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Roles whose signatures were checked."""
    checked: list[str] = []

    def counting(document: Document[Any], delegator: Delegator) -> None:
        checked.append(document.role)
        documents.verify(document, delegator)

    monkeypatch.setattr(reading, "verify", counting)
    return checked


def test_a_file_is_checked_once_for_all(worlds: tuple[World, World], counted: list[str]) -> None:
    reader = SharedReader()
    first = verify(worlds[0], reader)
    once = len(counted)
    assert once == 8
    assert verify(worlds[1], reader).target == first.target
    assert verify(worlds[0], reader).target == first.target
    assert len(counted) == once


def test_each_judges_the_time_the_order_and_its_own_past(worlds: tuple[World, World]) -> None:
    reader = SharedReader()
    verify(worlds[0], reader)
    with pytest.raises(RefusedError) as expired:
        verify(worlds[1], reader, days=11)
    assert expired.value.reason is Reason.EXPIRED
    with pytest.raises(RefusedError) as elsewhere:
        verify(worlds[1], reader, me=Identity(ecu="car-2", hardware="HW3"))
    assert elsewhere.value.reason is Reason.BAD_HARDWARE_ID

    files = dict(worlds[0].director.files)
    worlds[0].renew()
    verify(worlds[0], reader)
    worlds[0].director.files = files
    with pytest.raises(RefusedError) as older:
        verify(worlds[0], reader)
    assert older.value.reason is Reason.BAD_VERSION
    verify(worlds[1], reader)


def test_the_same_words_under_another_key_are_checked_anew(worlds: tuple[World, World]) -> None:
    reader, world = SharedReader(), worlds[0]
    verify(world, reader)
    stolen = TestKey("stolen")
    world.director.versions["timestamp"] += 1
    content = world.director.content("timestamp", meta={})
    world.director.put("timestamp", content, stolen)
    for _ in range(2):
        with pytest.raises(RefusedError):
            verify(world, reader)


def test_what_was_refused_is_refused_again(worlds: tuple[World, World], counted: list[str]) -> None:
    """A refusal is not remembered: it is found each time."""
    reader, world = SharedReader(), worlds[0]
    thief = TestKey("thief")
    world.director.keys["timestamp"] = thief
    world.director.publish()
    world.director.files["1.root.json"] = b""
    for _ in range(2):
        with pytest.raises(RefusedError) as refused:
            verify(world, reader)
        assert refused.value.reason is Reason.UNMET_THRESHOLD
    assert counted.count("timestamp") == 2


def test_it_remembers_no_more_than_it_may(worlds: tuple[World, World]) -> None:
    reader = SharedReader(most=3)
    for _ in range(3):
        verify(worlds[0], reader)
        worlds[0].renew()
        assert len(reader._known) <= 3
