"""A second director by mistake, or one that was stopped and wakes: no harm comes of it."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest
from tuf.api.metadata import Targets

from infra.objects import ObjectStore
from infra.trust.issuer import IssueError
from infra.trust.position import FIELD, Position
from producers.device.trust.places import METADATA
from schemas.records import ReleaseKind
from tests.trust_company import Car, Company

WRITES = 7
"""Files of a round that issues everything: of the images Snapshot, Timestamp and the one that is
shown; of the Director the same after its Targets."""
SHOWING = (3, 7)
"""Of these the ones that replace what is shown: the next round shows the newest."""


@pytest.fixture
def company(company: Company) -> Company:
    company.propose("r1")
    company.log.must("r1", ReleaseKind.VERIFIED, ReleaseKind.APPROVED)
    company.log.must("r1", ReleaseKind.WAVE_OPENED, wave=0, share=0.5)
    company.issue()
    return company


def _in_the_middle(patch: pytest.MonkeyPatch, nth: int, act: Callable[[], None]) -> None:
    """Do something before the nth write from now on."""
    land, left = ObjectStore._land, [nth]

    def landing(*given: Any) -> None:
        left[0] -= 1
        if not left[0]:
            act()
        land(*given)

    patch.setattr(ObjectStore, "_land", landing)


def _versioned(company: Company) -> dict[str, bytes]:
    """Every file that has a version in its name."""
    return {
        name: data
        for name, data in company.metadata().items()
        if not name.endswith("/timestamp.json")
    }


@pytest.mark.parametrize("nth", range(1, WRITES + 1))
def test_two_that_issue_at_once_never_give_one_version_two_contents(
    company: Company, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    """The other one does its whole round before the nth write of the first, some seconds later."""
    other = Company.again(company)
    car = Car(company, "watching")
    company.log.must("r1", ReleaseKind.WAVE_OPENED, wave=1, share=1.0)
    company.people.vouch_again(company.keys_dir, company.objects, company.now)
    seen = _versioned(company)

    def meanwhile() -> None:
        other.now = company.now.replace(second=7)
        other.issue()
        seen.update(_versioned(company))

    with monkeypatch.context() as patch:
        _in_the_middle(patch, nth, meanwhile)
        with nullcontext() if nth in SHOWING else pytest.raises(IssueError, match="another host"):
            company.issue()
    company.issue()
    now = _versioned(company)
    assert {name: now[name] for name in seen} == seen
    car.verify("r1")
    assert other.issue() == company.issue() == {}


def test_a_director_that_was_stopped_signs_nothing_that_was_taken_back_since(
    company: Company,
) -> None:
    stale = company.order()
    company.log.must("r1", ReleaseKind.WAVE_OPENED, wave=1, share=1.0)
    company.issue()
    before = company.metadata()
    woken, _ = company.issuers()
    with pytest.raises(IssueError, match="read up to 4: another director is ahead"):
        woken.issue(company.now, stale)
    assert company.metadata() == before
    Car(company).verify("r1")


def test_a_log_that_was_made_anew_is_adopted_by_a_person_only(company: Company) -> None:
    director, _ = company.issuers()
    anew = replace(company.order(), position=replace(company.order().position, log="another"))
    empty = replace(anew, targets={})
    with pytest.raises(IssueError, match=r"another log, the log.*--adopt-new-topic"):
        director.issue(company.now, empty)
    assert director.issue(company.now, replace(empty, adopt=True))["targets"] == 2
    assert director.issue(company.now, empty) == {}


@pytest.mark.parametrize("said", [None, 7, {}, {"log": "the log"}, {"log": 1, "read_to": "x"}])
def test_what_is_no_position_says_none(said: Any) -> None:
    assert Position.of(Targets(unrecognized_fields={FIELD: said})) is None


def test_what_was_superseded_long_ago_goes_and_a_device_of_then_still_finds_its_way(
    company: Company,
) -> None:
    """Three months with a new file of each role every three days; Roots and Targets stay."""
    car = Car(company)
    company.log.must("r1", ReleaseKind.WAVE_OPENED, wave=1, share=1.0)
    for _ in range(30):
        company.issue()
        company.later(days=3)
        if company.now.day % 2:
            company.people.vouch_again(company.keys_dir, company.objects, company.now)
    company.issue()
    director, images = company.issuers()
    before = set(_versioned(company))
    assert director.prune(company.now) > 15
    assert images.prune(company.now) > 15
    gone = {name.split(".")[-2] for name in before - set(_versioned(company))}
    assert gone == {"snapshot", "timestamp"}
    assert director.prune(company.now) == images.prune(company.now) == 0
    for repository in METADATA:
        left = [n for n in _versioned(company) if METADATA[repository] in n and "timestamp" in n]
        assert 10 <= len(left) <= 12  # thirty days of them, one each three days
    assert company.issue() == {}
    car.verify("r1")
    company.later(days=3)
    company.issue()
    Car(company, "new").verify("r1")
