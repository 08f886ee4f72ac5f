"""Evidence of many devices in two files: every chain holds through rotation, kill and torn end."""

from pathlib import Path
from random import Random

import pytest

from producers.device.client.fleet_evidence import FleetEvidence, evidence_of
from producers.device.evidence.chain import read
from producers.device.evidence.entry import Kind
from producers.device.evidence.log import EvidenceLog

DEVICES = [f"hw3-{at:05d}" for at in range(5)]
LIMIT = 4_000
"""Some fifteen lines."""


def note(evidence: FleetEvidence, times: int, random: Random) -> dict[str, str]:
    """Lines of devices by chance; the head of each."""
    logs = {device_id: evidence.log(device_id) for device_id in DEVICES}
    heads: dict[str, str] = {}
    for at in range(times):
        device_id = random.choice(DEVICES)
        heads[device_id] = logs[device_id].note(Kind.DID, {"at": at}, at)
    return heads


def test_each_chain_holds_and_ends_where_its_device_left_it(tmp_path: Path) -> None:
    random, heads = Random(3), dict[str, str]()
    for _ in range(12):  # as many processes one after the other
        heads |= note(FleetEvidence(tmp_path / "f", LIMIT), random.randint(1, 60), random)
        for device_id, head in heads.items():
            assert read(evidence_of(tmp_path, device_id)).head == head
    sizes = [(tmp_path / "f" / name).stat().st_size for name in (EvidenceLog.OLD, EvidenceLog.NAME)]
    assert max(sizes) <= LIMIT
    assert evidence_of(tmp_path, "hw3-00009") == b""


def test_a_device_that_notes_nothing_for_long_keeps_the_end_of_its_chain(tmp_path: Path) -> None:
    evidence = FleetEvidence(tmp_path, LIMIT)
    head = evidence.log("quiet").note(Kind.DID, {"at": 0}, 0)
    note(evidence, 200, Random(1))
    assert read(evidence_of(tmp_path, "quiet")).head == head
    anew = FleetEvidence(tmp_path, LIMIT).log("quiet")
    anew.note(Kind.DID, {"at": 1}, 1)
    assert [one.seq for one in read(evidence_of(tmp_path, "quiet")).entries] == [0, 1]


def test_what_a_power_cut_tore_is_cut_off(tmp_path: Path) -> None:
    FleetEvidence(tmp_path).log("one").note(Kind.DID, {"at": 0}, 0)
    path = tmp_path / EvidenceLog.NAME
    path.write_bytes(path.read_bytes() + b"one 0123")
    FleetEvidence(tmp_path).log("one").note(Kind.DID, {"at": 1}, 1)
    assert [one.seq for one in read(evidence_of(tmp_path, "one")).entries] == [0, 1]


def test_a_line_that_was_changed_breaks_its_chain(tmp_path: Path) -> None:
    log = FleetEvidence(tmp_path).log("one")
    for at in range(3):
        log.note(Kind.DID, {"at": at}, at)
    path = tmp_path / EvidenceLog.NAME
    path.write_bytes(path.read_bytes().replace(b'"at":1}', b'"at":2}'))
    with pytest.raises(ValueError, match="line 2"):
        read(evidence_of(tmp_path, "one"))
