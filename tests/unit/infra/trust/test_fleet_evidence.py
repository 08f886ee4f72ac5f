"""What a simulated device claims is judged as that of any other, by what the installation has."""

from copy import deepcopy
from pathlib import Path

import pytest

from infra.cli import release_verifying as verifying
from infra.settings import Settings
from producers.device.evidence.claim import Standing
from schemas.facts import Fact
from schemas.records import AckState as A
from schemas.topics import OTA_ACKS
from tests.trust_company import Company
from tests.unit.infra.trust.road import Road

HOLDS = [Standing.PROVED] * 5 + [Standing.CLAIMED]


@pytest.fixture
def settings(company: Company) -> Settings:
    return Settings(
        objects_url=(company.folder / "objects").as_uri(),
        keys_dir=company.keys_dir,
        evidence_dir=company.folder / "evidence",
    )


def standings(road: Road, settings: Settings, device_id: str, release_id: str) -> list[Standing]:
    """What `releases verify RELEASE --device ID` says, without any option."""
    opened_us = road.stage.log.records[-1][1]  # the log of these tests has a clock of its own
    acks = [
        Fact(topic=OTA_ACKS.name, partition=0, offset=at, stamp_us=opened_us + at, record=ack)
        for at, ack in enumerate(road.stage.outbox.on(OTA_ACKS))
        if (ack.device_id, ack.release_id) == (device_id, release_id)
    ]
    chain = verifying.evidence_of(settings, device_id, None)
    claim = verifying.claim(road.stage.log.book.releases[release_id], device_id, None, acks, chain)
    director, images = (
        verifying.published(settings, None, None, director=director) for director in (True, False)
    )
    found = verifying.judge(claim, director, images)
    assert verifying.holds(found) or chain is None, found
    return [one.standing for one in found]


def test_simulated_devices_prove_what_they_took_and_left(
    company: Company, settings: Settings
) -> None:
    road = Road(company, evidence=settings.evidence_dir)
    road.take("r1", None)
    road.take("r2", "r1")
    road.order_back("r2", "r1")
    road.stage.play(4)
    assert road.stage.running() == ["r1"] * 2
    for device in road.stage.fleet.devices:
        for release_id in ("r1", "r2"):
            assert standings(road, settings, device.who.device_id, release_id) == HOLDS
    assert verifying.evidence_of(settings, "hw3-00009", None) is None


def test_a_fleet_that_is_killed_behind_its_own_words_contradicts_none_of_them(
    company: Company, settings: Settings
) -> None:
    """What devices keep is saved behind the log; their evidence is never behind it."""
    road = Road(company, evidence=settings.evidence_dir)
    road.announce("r1")
    road.vouch("r1")
    road.stage.play(2)
    saved, trusted = deepcopy(road.stage.saved), road.kept()
    road.stage.play(3.5)
    assert road.ends() == [("r1", A.COMMITTED, "")] * 2
    road.stage.saved = saved
    road.restart(trusted)
    road.stage.play(8)
    assert road.ends() == [("r1", A.COMMITTED, "")] * 4
    for device in road.stage.fleet.devices:
        assert standings(road, settings, device.who.device_id, "r1") == HOLDS


def test_an_installation_without_repositories_or_evidence_shows_what_the_log_proves(
    company: Company, settings: Settings, tmp_path: Path
) -> None:
    road = Road(company)
    road.take("r1", None)
    bare = settings.model_copy(update={"keys_dir": tmp_path / "none"})
    assert standings(road, bare, "hw3-00000", "r1") == [
        Standing.PROVED,
        *[Standing.NOT_SHOWN] * 4,
        Standing.CLAIMED,
    ]
