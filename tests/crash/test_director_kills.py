"""The director worker killed with kill -9 at each of its writes, on a broker; and two at once.

Whatever becomes of it: no version goes down or gets another content, and a device that looks in
between sees the repository as it was or as it is, never half of it.
"""

import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from tuf.api.metadata import Metadata, Timestamp

from infra import sealed_key
from infra.kafka.admin import Admin
from infra.kafka.publisher import Publisher
from infra.keys import KEYRING as KEYRING_FILE
from infra.settings import KafkaSettings
from infra.stack.supervisor import Supervisor
from infra.stack.tansu import TansuBroker
from infra.topics import apply_all
from producers.device.trust.places import METADATA
from producers.device.trust.refusal import Reason, RefusedError
from schemas.codec import Codec
from schemas.records import ReleaseKind
from schemas.registry import FileRegistry
from schemas.topics import MODEL_RELEASES
from tests.crash.forked import Forked
from tests.rollout_log import KEYRING
from tests.trust_company import Car, Company
from tests.waiting import until

pytestmark = [pytest.mark.engine, pytest.mark.crash, pytest.mark.timeout(300)]

SHOWN = "timestamp.json"
WRITES = 7
"""Files of a round: the images' Snapshot, Timestamp and the one shown; so of the Director, and its
Targets before."""
READY_S = 60.0
READY = "has read the log"


class Site:
    """A company with its log on a broker; its director is a process."""

    def __init__(self, kafka: KafkaSettings, folder: Path) -> None:
        self._kafka, self._folder = kafka, folder
        self.company = Company(folder / "company", datetime.now(UTC).replace(microsecond=0))
        ring = {
            name: {"key": one.key.hex(), "roles": [role.value for role in one.roles]}
            for name, one in KEYRING.keys.items()
        }
        (self.company.keys_dir / KEYRING_FILE).write_text(yaml.safe_dump(ring))
        self._told = 0
        self._started: list[Forked] = []
        self._seen: dict[str, bytes] = {}

    def director(self, nth: int = 0) -> Forked:
        """Start one that dies after its nth write."""
        process = Forked(
            "tests.crash.director_process",
            str(nth),
            environment={
                **os.environ,
                "FLEETLOOP_KAFKA__BOOTSTRAP": self._kafka.bootstrap,
                "FLEETLOOP_KAFKA__MEMORY_ONLY": str(self._kafka.memory_only),
                "FLEETLOOP_OBJECTS_URL": (self.company.folder / "objects").as_uri(),
                "FLEETLOOP_KEYS_DIR": str(self.company.keys_dir),
            },
            log=self._folder / "director.log",
        )
        self._started.append(process)
        return process

    def publish(self) -> None:
        """Have the broker know what the company's log has."""
        with Publisher(self._kafka, Codec(FileRegistry()), "test") as publisher:
            for record, _ in self.company.log.records[self._told :]:
                publisher.publish(MODEL_RELEASES, record)
        self._told = len(self.company.log.records)

    def check(self) -> None:
        """No file with a version is gone or another, and what is shown never goes back."""
        now = self.company.metadata()
        for name, data in self._seen.items():
            if not name.endswith(f"/{SHOWN}"):
                assert now[name] == data, name
            else:
                was, shown = (
                    Metadata[Timestamp].from_bytes(one).signed for one in (data, now[name])
                )
                assert was.version <= shown.version, name
        self._seen = now

    def end(self) -> None:
        for process in self._started:
            process.end()

    def said(self) -> str:
        return (self._folder / "director.log").read_text()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(sealed_key, "COST", 2)
    with Supervisor(tmp_path / "logs") as supervised:
        broker = TansuBroker(supervised)
        broker.start()
        apply_all(Admin(broker.settings))
        made = Site(broker.settings, tmp_path)
        try:
            yield made
        finally:
            made.end()


def _settled(site: Site, car: Car, release_id: str, *directors: Forked) -> None:
    """Wait until a device takes a release, and stop the directors as an operator does."""
    until(lambda: _takes(car, release_id), f"{release_id} is issued: {site.said()}", READY_S)
    site.check()
    for director in directors:
        director.send_signal(signal.SIGTERM)
        assert director.wait(READY_S) == 0, site.said()


def _takes(car: Car, release_id: str) -> bool:
    """Whether a device takes it; if not, all is as before: nothing is issued, or not this yet."""
    try:
        car.verify(release_id)
    except RefusedError as refused:
        if refused.reason not in {Reason.MISSING_FILE, Reason.TARGET_NOT_FOUND}:
            raise
        return False
    return True


def _deaths(site: Site, car: Car, release_id: str) -> int:
    """One director after another, each dying after a write, until a device takes a release."""
    for deaths in range(3 * WRITES):
        child = site.director(1)
        _ended(site, child, car, release_id)
        site.check()
        if child.returncode is None:
            child.send_signal(signal.SIGTERM)
            child.wait(READY_S)
            return deaths
        assert child.returncode == -signal.SIGKILL, site.said()
    raise AssertionError(f"never issued: {site.said()}")


def _ended(site: Site, child: Forked, car: Car, release_id: str) -> None:
    """Wait until a director has died, or a device takes a release."""

    def ended() -> bool:
        time.sleep(0.2)  # a device's look costs more than a process has left
        return child.returncode is not None or _takes(car, release_id)

    until(ended, site.said(), READY_S)


def _open(site: Site, release_id: str, counter: int, parent: str | None = None) -> None:
    log = site.company.log
    site.company.propose(release_id, counter=counter, parent_release_id=parent)
    log.must(release_id, ReleaseKind.VERIFIED, ReleaseKind.APPROVED)
    log.must(release_id, ReleaseKind.WAVE_OPENED, wave=0, share=1.0)
    site.publish()


def test_two_at_once_do_no_harm_and_killed_at_every_write_the_next_one_finishes(
    site: Site,
) -> None:
    car, pair = Car(site.company), (site.director(), site.director())
    until(lambda: site.said().count(READY) == len(pair), "both have read the log", READY_S)
    _open(site, "r1", 1)
    _settled(site, car, "r1", *pair)
    for repository, place in METADATA.items():
        shown = site.company.objects.get(f"{place}/{SHOWN}")
        version = Metadata[Timestamp].from_bytes(shown).signed.version
        assert site.company.objects.get(f"{place}/{version}.timestamp.json") == shown, repository

    site.company.log.must("r1", ReleaseKind.COMPLETED)
    _open(site, "r2", 2, "r1")
    # The last write shows it: whoever has done that may be told to end before it dies.
    assert _deaths(site, car, "r2") >= WRITES - 1
