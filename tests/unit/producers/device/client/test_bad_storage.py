"""Full disks, locked folders, bad servers, wrong clocks: refused by name, and r1 runs on."""

import copy
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pytest

from producers.device.client.layout import slot_file
from producers.device.slots import Slots
from producers.device.trust.paths import way_back_path
from producers.device.trust.sources import SourceError
from schemas.records import AckState as A
from schemas.records import OtaAck, Slot
from tests.power import Disk
from tests.updating_device import (
    BODIES,
    NOW_US,
    R1,
    R2,
    Boot,
    Factory,
    Repositories,
    back,
    install,
)

DAY_US: Final = 86_400_000_000
FACTORY: Final = Factory()


@dataclass
class Trial:
    """A device on r1 to which r2 is offered."""

    disk: Disk
    sites: Repositories
    boot: Boot
    sent: list[OtaAck]

    def run(self, seconds: float = 10) -> list[tuple[A, str]]:
        self.boot.run(install("r2"), seconds)
        return [(ack.state, ack.reason_code) for ack in self.sent]

    def check_untouched(self) -> None:
        assert self.boot.flash.slots.running == R1
        assert self.disk.read(slot_file(self.boot.flash.slots.active)) == BODIES["r1"]
        assert self.boot.engine is not None
        assert self.boot.engine.digest == R1.digest


def trial(*, now: int = NOW_US) -> Trial:
    disk, sites, sent = FACTORY.disk(), copy.deepcopy(FACTORY.sites), list[OtaAck]()
    boot = Boot(disk, sites, sent, now)
    boot.start()
    return Trial(disk, sites, boot, sent)


def used(disk: Disk) -> int:
    return sum(len(disk.read(name) or b"") for name in disk.all_names())


def test_a_full_disk_fails_the_install_by_name_and_a_later_attempt_commits() -> None:
    at = trial()
    at.disk.space = used(at.disk) + 100
    assert (A.INSTALL_FAILED, "NO_SPACE") in at.run(4)
    at.check_untouched()
    at.disk.space = 1 << 30
    assert at.run(12)[-1] == (A.COMMITTED, "")


@pytest.mark.parametrize("folder", ["a", "download"])
def test_a_folder_without_permission_fails_the_install_by_name(
    folder: str, caplog: pytest.LogCaptureFixture
) -> None:
    at = trial()
    at.disk.locked.add(folder)
    assert at.run(60)[-1] == (A.INSTALL_FAILED, "STORAGE_FAILED")
    assert [state for state, _ in at.run(60)].count(A.INSTALL_FAILED) == 3
    assert "Permission denied" in caplog.text
    at.check_untouched()


def test_a_state_that_cannot_be_written_stops_every_step_and_nothing_is_said() -> None:
    at = trial()
    at.disk.locked.add("")
    assert at.run(10) == []
    at.check_untouched()
    at.disk.locked.clear()
    assert at.run(10)[-1] == (A.COMMITTED, "")


def test_a_clock_a_year_ahead_refuses_by_role_and_version_and_goes_on_when_it_is_set(
    caplog: pytest.LogCaptureFixture,
) -> None:
    at = trial(now=NOW_US + 365 * DAY_US)
    assert set(at.run(20)) == {(A.OFFERED, ""), (A.REJECTED, "EXPIRED")}
    assert "director: root version 1: expired" in caplog.text
    at.check_untouched()
    at.boot.now = NOW_US
    assert at.run(12)[-1] == (A.COMMITTED, "")


def _endless(_: str, __: int, length: int) -> bytes:
    return bytes(length)


def _truncated(path: str, start: int, length: int) -> bytes:
    del path
    return BODIES["r2"][start : start + length // 2]


def _dead(path: str, start: int, length: int) -> bytes:
    raise SourceError(f"{path} {start} {length}: connection reset")


@pytest.mark.parametrize(
    ("part", "reason", "attempts"),
    [(_endless, "DIGEST_MISMATCH", 1), (_dead, "DOWNLOAD_FAILED", 3)],
)
def test_a_server_that_lies_or_dies_fails_the_install(
    part: Callable[..., bytes], reason: str, attempts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = trial()
    monkeypatch.setattr(type(at.sites.images), "part", lambda _, *words: part(*words))
    states = at.run(60)
    assert states.count((A.INSTALL_FAILED, reason)) == attempts
    at.check_untouched()
    assert at.disk.names("download") == []


def test_a_download_that_breaks_off_is_gone_on_from(monkeypatch: pytest.MonkeyPatch) -> None:
    at = trial()
    asked: list[tuple[int, int]] = []

    def part(_: Any, path: str, start: int, length: int) -> bytes:
        asked.append((start, length))
        return _truncated(path, start, length)

    monkeypatch.setattr(type(at.sites.images), "part", part)
    at.run(2)
    starts = [start for start, _ in asked]
    assert starts[0] == 0
    assert all(later > before for before, later in itertools.pairwise(starts))


def test_a_model_in_a_slot_that_rots_is_left_for_the_other_one_and_fetched_again() -> None:
    at = trial()
    at.run()
    assert at.boot.flash.slots == Slots(a=R2, b=R1, active=Slot.A)
    at.disk.write("a/model.onnx", b"rotten")
    after = Boot(at.disk, at.sites, at.sent, at.boot.now)
    after.start()
    assert (at.sent[-1].state, at.sent[-1].reason_code) == (A.REVERTED, "SLOT_DAMAGED")
    assert at.sent[-1].model_digest == R1.digest
    assert after.engine is not None
    assert after.engine.digest == R1.digest
    after.run(install("r2"), 10)
    assert (at.sent[-1].state, at.sent[-1].model_digest) == (A.COMMITTED, R2.digest)


def test_a_way_back_that_rots_in_its_slot_is_fetched_again_and_never_run() -> None:
    at = trial()
    at.run()
    at.sites.offer("r1", BODIES["r1"], 3, way_back_path("r2"))
    for site in (at.sites.director, at.sites.images):
        site.renew()
    assert at.boot.flash.slots == Slots(a=R2, b=R1, active=Slot.A)
    at.disk.write("b/model.onnx", b"rotten")
    at.boot.run(back, 10)
    said = [(ack.release_id, ack.state, ack.model_digest) for ack in at.sent[-2:]]
    assert said == [("r1", A.COMMITTED, R1.digest), ("r2", A.REVERTED, R1.digest)]
    assert at.disk.read(slot_file(Slot.B)) == BODIES["r1"]
    assert at.boot.engine is not None
    assert at.boot.engine.digest == R1.digest
