"""What an auditor can prove of an update long after the files that were superseded are gone."""

from itertools import product
from typing import Any, Final

import pytest

from producers.device.evidence.chain import read
from producers.device.evidence.claim import Claim, Finding, Standing
from producers.device.evidence.entry import Kind
from producers.device.evidence.facts import of_verified
from producers.device.evidence.judging import judge
from producers.device.evidence.log import EvidenceLog
from producers.device.evidence.published import Published
from producers.device.trust.limits import DIRECTOR, IMAGES
from producers.device.trust.places import METADATA, sources
from producers.device.trust.predicate import Identity
from schemas.records import ReleaseKind
from tests.power import Disk
from tests.trust_company import HARDWARE, Car, Company

ME: Final = Identity(ecu="car-1", hardware=HARDWARE)
Facts = dict[str, Any]


@pytest.fixture
def facts(company: Company) -> Facts:
    """What a device notes of r1; two months with new files of each role follow, and pruning."""
    company.propose("r1")
    company.log.must("r1", ReleaseKind.VERIFIED, ReleaseKind.APPROVED)
    company.log.must("r1", ReleaseKind.WAVE_OPENED, wave=0, share=1.0)
    company.issue()
    noted = of_verified(Car(company).verify("r1"), "r1")
    for _ in range(3):
        company.later(days=20)
        company.people.vouch_again(company.keys_dir, company.objects, company.now)
        company.issue()
    named = _named(noted)
    assert named <= company.metadata().keys()
    for issuer in company.issuers():
        issuer.prune(company.now)
    gone = {name.split(".")[-2] for name in named - company.metadata().keys()}
    assert gone == {"snapshot", "timestamp"}
    return noted


def test_which_image_was_ordered_and_signed_is_still_proved(company: Company, facts: Facts) -> None:
    found = _image(company, facts)
    assert (found.standing, "by both repositories" in found.why) == (Standing.PROVED, True), found


def test_other_files_than_were_published_are_still_a_lie(company: Company, facts: Facts) -> None:
    metadata = facts["metadata"]
    for repository, role in product(("director", "image_repo"), ("root", "targets")):
        of_role = metadata[repository][role] | {"sha256": "00" * 32}
        lie = facts | {"metadata": metadata | {repository: metadata[repository] | {role: of_role}}}
        found = _image(company, lie)
        assert (found.standing, role in found.why) == (Standing.CONTRADICTED, True), found


def _image(company: Company, facts: Facts) -> Finding:
    log = EvidenceLog(Disk())
    log.note(Kind.VERIFIED, facts, at_us=1)
    claim = Claim(
        release_id="r1",
        digest=facts["hashes"]["sha256"],
        salt="",
        device=ME,
        stratum=None,
        acks=[],
        chain=read(log.data()),
    )
    director, images = sources(company.objects)
    found = judge(claim, Published(director, DIRECTOR), Published(images, IMAGES))
    return next(one for one in found if one.part == "image signed and ordered")


def _named(facts: Facts) -> set[str]:
    """Files that a device says it verified, by their names in the object store."""
    folders = {"director": METADATA["director"], "image_repo": METADATA["images"]}
    return {
        f"{folders[repository]}/{said['version']}.{role}.json"
        for repository, roles in facts["metadata"].items()
        for role, said in roles.items()
    }
