"""`fleetloop keys vouch`, sign and publish: the ceremony of a release as people hold it."""

import json
from pathlib import Path

import pytest
from tuf.api.metadata import Metadata, Targets

from infra.objects import ObjectStore
from producers.device.trust.paths import way_back_path
from schemas.records import ReleaseKind
from tests.trust_company import Car, Company
from tests.trust_thief import do, driving, sign


@pytest.fixture
def company(company: Company, monkeypatch: pytest.MonkeyPatch) -> Company:
    """The first release runs everywhere; the second is on the log and nobody vouched for it."""
    driving(company, monkeypatch).log.must("r1", ReleaseKind.COMPLETED)
    company.propose("r2", vouched=False, counter=2, parent_release_id="r1")
    company.log.must("r2", ReleaseKind.VERIFIED, ReleaseKind.APPROVED)
    company.log.must("r2", ReleaseKind.WAVE_OPENED, wave=0, share=1.0)
    return company


def _folder(company: Company) -> Path:
    return company.people.ceremony.folder


def test_a_release_is_vouched_for_by_three_commands_with_its_way_back(company: Company) -> None:
    laid_out = json.loads(
        do("vouch", "r2", str(_folder(company)), "-o", "json").split("\nsign:")[0]
    )
    assert [(row["file"], row["signed"]) for row in laid_out] == [
        ("images/3.targets.json", "0 of 2")
    ]
    sign(company, "ab")
    assert "published: images/3.targets.json" in do("publish", str(_folder(company)))
    company.issue()
    car = Car(company)
    car.verify("r2")
    signed = Metadata[Targets].from_file(str(_folder(company) / "images" / "3.targets.json")).signed
    back = signed.targets[way_back_path("r2")]
    assert back.hashes["sha256"] == company.log.book.releases["r1"].digest


def test_what_nobody_signed_is_not_published_and_the_next_vouching_waits(company: Company) -> None:
    folder = str(_folder(company))
    do("vouch", "r2", folder)
    assert "not signed by enough yet: images/3.targets.json" in do("publish", folder, code=3)
    sign(company, "c")
    assert "not signed by enough yet" in do("publish", folder, code=3)
    said = do("vouch", "r2", folder, code=1)
    assert "3.targets.json: awaits signatures; sign it or remove it first" in said


def test_a_release_that_is_not_on_the_log_is_named(company: Company) -> None:
    said = do("vouch", "r9", str(_folder(company)), code=1)
    assert "no release r9 on the log; see: fleetloop releases list" in said
    assert not (_folder(company) / "images" / "3.targets.json").exists()


def test_a_model_that_is_not_what_was_proposed_is_not_vouched_for(company: Company) -> None:
    """Somebody has changed the model in the object store since it was proposed."""
    proposal = company.log.book.releases["r2"].proposal
    assert proposal.artifact is not None
    name = proposal.artifact.uri.removeprefix(
        ObjectStore((company.folder / "objects").as_uri()).uri("")
    )
    company.objects.put_named(name, b"another model")
    said = do("vouch", "r2", str(_folder(company)), code=1)
    assert "announced" in said
    assert not (_folder(company) / "images" / "3.targets.json").exists()
