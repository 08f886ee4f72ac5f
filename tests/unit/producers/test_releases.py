"""Proposals."""

from producers.releases import current_parent, next_counter, propose
from schemas.records import DeviceClass, ModelRelease
from schemas.records import ReleaseKind as K
from tests import factories
from tests.rollout_log import START, TRAINER, Log, digest_of


def made(release_id: str, counter: int, parent: str | None = None) -> ModelRelease:
    return propose(
        TRAINER,
        release_id=release_id,
        device_class=DeviceClass.VEHICLE,
        artifact=factories.artifact(),
        parent_release_id=parent,
        counter=counter,
        strata=["HW3"],
        deadline_us={"HW3": 50_000},
        decided_ts=START,
        purpose="better signs",
        metrics={"accuracy": 1},
    )


def test_a_proposal_counts_and_is_the_same_when_made_again() -> None:
    log = Log()
    record = made("r1", 1)
    assert log.append(record).valid
    assert record == made("r1", 1)
    assert record.author == "trainer"
    assert record.salt != made("r2", 1).salt


def test_counters_rise_over_all_proposals_of_the_class() -> None:
    log = Log()
    assert next_counter(log.book, DeviceClass.VEHICLE) == 1
    log.append(made("r1", 7))
    assert next_counter(log.book, DeviceClass.VEHICLE) == 8
    assert next_counter(log.book, DeviceClass.ROBOT) == 1


def test_the_parent_is_the_newest_release_everybody_has() -> None:
    log = Log()
    assert current_parent(log.book, DeviceClass.VEHICLE) is None
    log.completed("r1")
    log.completed("r2", counter=2)
    log.opened("r3", 0.5, counter=3)
    assert current_parent(log.book, DeviceClass.VEHICLE) == "r2"
    back = {"rollback_to_release_id": "r1", "rollback_to_digest": digest_of("r1")}
    log.must("r2", K.ROLLBACK_ORDERED, stratum="HW3", **back)
    assert current_parent(log.book, DeviceClass.VEHICLE) == "r1"
