"""What a company issues is what its devices believe, whatever interrupts it."""

from typing import Any

import pytest

from infra.objects import ObjectStore
from infra.trust.issuer import IssueError
from infra.trust.ordering import ordered
from producers.device.trust.paths import way_back_path
from producers.device.trust.places import METADATA
from producers.device.trust.refusal import Reason, RefusedError
from schemas.records import ReleaseKind
from tests.trust_company import Car, Company

OPENED = (ReleaseKind.VERIFIED, ReleaseKind.APPROVED)


def _open(company: Company, release_id: str, share: float = 1.0, **changes: Any) -> None:
    company.propose(release_id, **changes)
    company.log.must(release_id, *OPENED)
    company.log.must(release_id, ReleaseKind.WAVE_OPENED, wave=0, share=share)


def test_a_device_believes_what_was_opened_for_it_and_nothing_before(company: Company) -> None:
    company.issue()
    car = Car(company)
    company.propose("r1")
    company.issue()
    with pytest.raises(RefusedError) as refused:
        car.verify("r1")
    assert refused.value.reason is Reason.TARGET_NOT_FOUND
    company.log.must("r1", *OPENED)
    company.log.must("r1", ReleaseKind.WAVE_OPENED, wave=0, share=0.0)
    company.issue()
    with pytest.raises(RefusedError, match="wave 0 is for a share of 0"):
        car.verify("r1")
    company.log.must("r1", ReleaseKind.WAVE_OPENED, wave=1, share=1.0)
    company.issue()
    assert car.verify("r1").target.custom["releaseCounter"] == 2


def test_a_round_with_nothing_to_do_writes_nothing_and_a_void_decision_changes_nothing(
    company: Company,
) -> None:
    _open(company, "r1")
    assert company.issue() == {
        f"{repository}/{role}": 1
        for repository, roles in (
            ("images", ("snapshot", "timestamp")),
            ("director", ("targets", "snapshot", "timestamp")),
        )
        for role in roles
    }
    before = company.metadata()
    assert not company.log.decide("r1", ReleaseKind.VERIFIED).valid
    assert company.issue() == {}
    assert company.metadata() == before


def test_a_wider_wave_is_one_new_version_of_the_directors_three_roles(company: Company) -> None:
    _open(company, "r1", share=0.25)
    company.issue()
    company.log.must("r1", ReleaseKind.WAVE_OPENED, wave=1, share=0.5)
    assert company.issue() == {
        "director/targets": 2,
        "director/snapshot": 2,
        "director/timestamp": 2,
    }


def test_what_expires_is_renewed_in_time_by_itself(company: Company) -> None:
    """Every twelve hours for eleven days, then at the Targets' half life: nothing ever expires.

    The image Targets, which people sign, are not the host's to renew.
    """
    _open(company, "r1")
    car = Car(company)
    for hours in [12] * 22 + [24 * 46, 12, 12]:
        company.issue()
        company.later(hours=min(hours, 11.9))
        car.verify("r1")
        company.later(hours=hours - min(hours, 11.9))
    assert max(company.issuers()[0]._shelf.versions()["targets"]) == 2


def test_the_way_back_is_signed_beforehand_and_usable_only_when_ordered(company: Company) -> None:
    company.propose("r1", counter=1)
    company.log.must("r1", *OPENED)
    company.log.must("r1", ReleaseKind.WAVE_OPENED, wave=0, share=1.0)
    company.log.must("r1", ReleaseKind.COMPLETED)
    _open(company, "r2", counter=2, parent_release_id="r1")
    company.issue()
    car = Car(company)
    car.verify("r2")
    with pytest.raises(RefusedError) as refused:
        car.take(way_back_path("r2"))
    assert refused.value.reason is Reason.TARGET_NOT_FOUND

    digest = company.log.book.releases["r1"].digest
    company.log.must(
        "r2",
        ReleaseKind.ROLLBACK_ORDERED,
        stratum="HW4",
        rollback_to_release_id="r1",
        rollback_to_digest=digest,
    )
    company.issue()
    assert car.take(way_back_path("r2")).target.hashes == {"sha256": digest}
    with pytest.raises(RefusedError) as refused:
        car.verify("r1")
    assert refused.value.reason is Reason.COUNTER_ROLLBACK
    with pytest.raises(RefusedError) as refused:
        Car(company, "car-2", "HW3").take(way_back_path("r2"))
    assert refused.value.reason is Reason.BAD_HARDWARE_ID
    _open(company, "r3", counter=3, parent_release_id="r1", strata=("HW4",))
    company.issue()
    car.verify("r3")


def test_the_directors_file_does_not_grow_with_the_years(company: Company) -> None:
    for number in range(1, 6):
        company.log.completed(f"r{number}", counter=number, parent_release_id=f"r{number - 1}")
    assert list(ordered(company.log.book, {})) == ["r5.onnx"]


class Killed(BaseException):
    """The process ends here."""


def test_killed_at_any_write_the_next_run_finishes_and_devices_never_notice(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill before each write of a round that issues everything; the device looks in between."""
    _open(company, "r1")
    company.issue()
    car = Car(company)
    car.verify("r1")
    land = ObjectStore._land
    for cut in range(1, 9):
        company.later(days=45.5)  # more than half the life of every role
        company.people.vouch_again(company.keys_dir, company.objects, company.now)
        left = [cut]

        def dying(*given: Any, left: list[int] = left) -> None:
            left[0] -= 1
            if not left[0]:
                raise Killed
            land(*given)

        monkeypatch.setattr(ObjectStore, "_land", dying)
        try:
            company.issue()
        except Killed:
            company.later(days=-45.5)
            car.verify("r1")
            company.later(days=45.5)
        monkeypatch.setattr(ObjectStore, "_land", land)
        company.issue()
        car.verify("r1")
    assert left[0] > 0, "the last cut lies beyond the last write"
    for versions in company.issuers()[0]._shelf.versions().values():
        assert sorted(versions, reverse=True) == list(versions)


def test_a_store_that_was_set_back_is_not_issued_from(company: Company) -> None:
    """Somebody takes the newest Targets out of the store: the host does not sign an older state."""
    _open(company, "r1")
    company.issue()
    company.objects.delete(f"{METADATA['images']}/2.targets.json")
    with pytest.raises(IssueError, match="names Targets 2, the newest that verifies is 1"):
        company.issue()


def test_rubbish_in_the_store_is_never_signed(company: Company) -> None:
    _open(company, "r1")
    company.issue()
    car = Car(company)
    for role in ("targets", "snapshot", "timestamp"):
        company.objects.put_named(f"{METADATA['images']}/99.{role}.json", b"{}")
        company.objects.put_named(f"{METADATA['director']}/99.{role}.json", b"\xff")
    company.issue()
    car.verify("r1")
    company.later(days=46)
    company.people.vouch_again(company.keys_dir, company.objects, company.now)
    company.issue()
    car.verify("r1")
