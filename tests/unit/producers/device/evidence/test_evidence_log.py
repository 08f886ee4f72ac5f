"""A device's evidence on its storage: bounded, and whole after any power cut."""

import random
from contextlib import suppress
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.device.client.files import Files
from producers.device.evidence.chain import read
from producers.device.evidence.entry import Kind
from producers.device.evidence.log import EvidenceLog
from tests.power import Disk, Fuse, PowerCutError

LIMIT: Final = 1_000
NOTES: Final = 20


def note(files: Files, count: int, first: int = 0) -> list[str]:
    """Hashes of `count` lines that were noted; the power may go."""
    log, heads = EvidenceLog(files, LIMIT), list[str]()
    with suppress(PowerCutError):
        heads.extend(
            log.note(Kind.DID, {"number": number}, at_us=number)
            for number in range(first, first + count)
        )
    return heads


def test_what_is_noted_goes_on_over_restarts() -> None:
    disk = Disk()
    heads = note(disk, 2) + note(disk, 3, first=2)
    chain = read(EvidenceLog(disk).data())
    assert [entry.facts["number"] for entry in chain.entries] == [0, 1, 2, 3, 4]
    assert list(chain.heads) == heads


def test_it_takes_no_more_than_two_files_and_drops_the_oldest() -> None:
    disk = Disk()
    heads = note(disk, 200)
    for name in (EvidenceLog.NAME, EvidenceLog.OLD):
        assert 0 < len(disk.read(name) or b"") <= LIMIT
    chain = read(EvidenceLog(disk).data())
    assert list(chain.heads) == heads[-len(chain.entries) :]
    assert len(chain.entries) >= 4


@settings(max_examples=150, deadline=None)
@given(at=st.integers(0, 70), before=st.booleans(), seed=st.integers(0, 2**16))
def test_no_power_cut_breaks_the_chain_or_takes_what_was_noted(
    at: int, before: bool, seed: int
) -> None:
    disk, rng = Disk(), random.Random(seed)
    heads = note(Fuse(disk, at, before=before), NOTES)
    disk.cut(rng)
    heads += note(Fuse(disk, at // 2, before=before), NOTES, first=100)
    disk.cut(rng)
    heads += note(disk, NOTES, first=200)
    chain = read(EvidenceLog(disk, LIMIT).data())
    assert {entry.kind for entry in chain.entries} <= {Kind.DID, Kind.TORN}
    assert len(heads) >= NOTES
    dropped = chain.entries[0].seq
    kept = [head for head in heads if head in chain.heads]
    assert kept == heads[len(heads) - len(kept) :]
    assert dropped or kept == heads


def test_a_torn_line_is_cut_off_and_named() -> None:
    disk = Disk()
    note(disk, 2)
    disk.append(EvidenceLog.NAME, b"0123 half a li")
    note(disk, 1, first=2)
    chain = read(EvidenceLog(disk).data())
    assert [entry.kind for entry in chain.entries] == [Kind.DID, Kind.DID, Kind.TORN, Kind.DID]
    assert chain.entries[2].facts == {"bytes": 14}


def test_a_log_that_was_changed_is_kept_aside_and_a_new_one_begins() -> None:
    disk = Disk()
    note(disk, 3)
    changed = (disk.read(EvidenceLog.NAME) or b"").replace(b'"number":1', b'"number":7')
    disk.write(EvidenceLog.NAME, changed)
    note(disk, 1)
    chain = read(EvidenceLog(disk).data())
    assert [entry.kind for entry in chain.entries] == [Kind.BROKEN, Kind.DID]
    assert "line 2" in chain.entries[0].facts["why"]
    assert disk.read(EvidenceLog.BROKEN) == changed


def test_a_full_disk_costs_the_line_and_not_the_log() -> None:
    disk = Disk()
    log = EvidenceLog(disk)
    first = log.note(Kind.DID, {"number": 0}, at_us=0)
    disk.space = len(log.data()) + 10
    with pytest.raises(OSError, match="No space left"):
        log.note(Kind.DID, {"number": 1}, at_us=1)
    disk.space = 1 << 20
    log.note(Kind.DID, {"number": 2}, at_us=2)
    chain = read(log.data())
    assert chain.entries[0].hash == first
    assert [entry.facts["number"] for entry in chain.entries] == [0, 2]
