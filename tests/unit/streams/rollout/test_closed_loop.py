"""The whole loop without Kafka: a fleet that obeys the log, and the gate that watches it."""

from copy import deepcopy
from functools import cache
from typing import Any

import pytest

from schemas.decisions import Rule
from schemas.records import CommandKind
from schemas.topics import (
    DEAD_LETTERS,
    MODEL_RELEASES,
    OTA_ACKS,
    ROLLOUT_PARTIALS,
)
from schemas.validation import check
from tests import factories
from tests.rollout_log import GATE, KEYRING, SECOND, START
from tests.rollout_replay import counted, replayed
from tests.rollout_world import DEMO_POLICY, FLEET, Fault, Worker, World

EVERYBODY = dict(sorted(FLEET.items()))


def first_release(**options: Any) -> World:
    """A world in which release 1 is complete."""
    world = World(**options)
    world.run(1)
    world.propose("r1", 1)
    world.run(33)
    return world


def bad_nights(world: World, strata: tuple[str, ...] = ("HW3",)) -> float:
    """Release 2 is fine by day and late by night; when its night begins."""
    night = world.logs.now + 16 * SECOND
    world.faults["r2"] = Fault(kind="late", strata=strata, from_us=night)
    world.propose("r2", 2, "r1")
    return (night - START) / SECOND


@cache
def _completed() -> World:
    return first_release()


@cache
def _bad_night() -> tuple[World, float]:
    world = completed()
    night = bad_nights(world)
    world.run(35)
    return world, night


def completed() -> World:
    """A copy of the usual world after its first release, which is played once."""
    return deepcopy(_completed())


def bad_night() -> tuple[World, float]:
    """Likewise after release 2 was ordered back from HW3; when its night began."""
    return deepcopy(_bad_night())


def when(world: World, release: str, kind: str, stratum: str | None) -> float:
    return next(at for k, s, at in world.seconds_of(release) if (k, s) == (kind, stratum))


def test_a_good_release_reaches_everybody_in_about_twenty_seconds() -> None:
    world = completed()
    assert set(world.statuses("r1").values()) == {"COMPLETED"}
    assert world.running("r1") == EVERYBODY
    done = max(at for kind, _, at in world.seconds_of("r1") if kind == "COMPLETED")
    # Each wait is told of up to 3 s late: progress is reported 2 s behind the broker's end.
    waits = (DEMO_POLICY.soak_s, DEMO_POLICY.soak_s, max(DEMO_POLICY.soak_s, DEMO_POLICY.monitor_s))
    assert done - 1.0 <= sum(wait + 3.0 for wait in waits) <= 27.0
    assert world.book.voids.total() == 0


def test_a_bad_release_goes_back_where_it_harms_and_the_rest_waits_for_a_person() -> None:
    world, night = bad_night()
    assert world.statuses("r2") == {"HW3": "ROLLED_BACK", "HW4": "HELD", "AI5": "HELD"}
    assert world.running("r2").get("HW3", 0) == 0
    assert world.running("r1")["HW3"] == FLEET["HW3"]
    assert when(world, "r2", "ROLLBACK_ORDERED", "HW3") - night <= 15.0
    world.order("r2", CommandKind.ROLLBACK)
    world.run(8)
    assert set(world.statuses("r2").values()) == {"ROLLED_BACK"}
    assert world.running("r1") == EVERYBODY


def test_the_same_seed_gives_the_same_decisions_and_another_seed_the_same_end() -> None:
    one, same, other = completed(), first_release(), first_release(seed=4)
    assert one.decisions("r1") == same.decisions("r1")
    assert other.statuses("r1") == one.statuses("r1")


def test_two_gates_write_twice_and_the_log_takes_one() -> None:
    world = first_release(workers=2)
    bad_nights(world)
    world.run(35)
    assert world.statuses("r2") == {"HW3": "ROLLED_BACK", "HW4": "HELD", "AI5": "HELD"}
    assert world.running("r1")["HW3"] == FLEET["HW3"]
    assert world.book.voids.total() > 0
    assert set(world.book.voids) == {Rule.SEQUENCE}
    seqs = [record.decision_seq for record in world.decisions("r2")]
    assert seqs == list(range(len(seqs)))


@pytest.mark.parametrize("kind", ["INSTALL_FAILED", "REVERTED"])
def test_installs_that_fail_on_one_generation_send_it_back_alone(kind: str) -> None:
    world = completed()
    world.faults["r2"] = Fault(kind=kind, strata=("HW4",), share=0.7)
    world.propose("r2", 2, "r1")
    world.run(20)
    assert world.statuses("r2")["HW4"] == "ROLLED_BACK"
    assert world.statuses("r2")["HW3"] == "HELD"
    assert sum(world.running("r2").values()) <= 0.2 * sum(FLEET.values())


def test_silent_devices_are_harm_once_their_time_is_over() -> None:
    world = completed()
    world.faults["r2"] = Fault(kind="silent", strata=("AI5",))
    world.propose("r2", 2, "r1")
    world.run(25)
    assert world.statuses("r2")["AI5"] == "OPEN"
    world.run(15)
    # Nobody knows what a silent device runs, so its rollback is not done: it will stall.
    assert world.statuses("r2")["AI5"] == "ROLLING_BACK"


def test_a_worker_that_starts_again_from_checkpoints_of_any_age_goes_on() -> None:
    plain, broken = (World(seed=5) for _ in range(2))
    for world in (plain, broken):
        world.run(1)
        world.propose("r1", 1)
    plain.run(36)
    saved: dict[Any, Any] = {}
    for number in range(12):
        broken.run(3)
        broken.workers = [Worker(broken.logs, broken.policy, saved)]
        if number % 2 == 0:
            saved = broken.workers[0].save()
    assert broken.statuses("r1") == plain.statuses("r1")
    last = broken.workers[0]
    last.run()
    fresh = Worker(broken.logs, broken.policy)
    fresh.run()
    assert _counts(fresh) == _counts(last)


def _counts(worker: Worker) -> dict[Any, Any]:
    return {source: dict(fold.cells.counts) for source, fold in worker.processor._counting.items()}


def test_an_ack_for_an_unknown_release_is_dead_lettered_once() -> None:
    world = first_release(fleet={"HW3": 5})
    world.logs.append(OTA_ACKS, factories.ota_ack(release_id="nobody's"))
    world.run(2)
    (letter,) = world.logs.of(DEAD_LETTERS)
    assert (letter.topic, letter.field) == (OTA_ACKS.name, "release_id")


def test_everything_the_worker_writes_keeps_the_rules_of_its_topic() -> None:
    world, _ = bad_night()
    world.logs.append(OTA_ACKS, factories.ota_ack(release_id="nobody's"))
    world.run(2)
    assert len(world.logs.of(DEAD_LETTERS)) == 1
    for spec in (MODEL_RELEASES, ROLLOUT_PARTIALS, DEAD_LETTERS):
        for number in range(spec.partitions):
            for stamp, record in world.logs.records.get((spec.name, number), []):
                check(spec, record, stamp)
    events = [record.event_id for record in world.logs.of(ROLLOUT_PARTIALS)]
    assert len(set(events)) == len(events)


def test_replaying_what_a_decision_had_read_returns_that_decision() -> None:
    world = completed()
    bad_nights(world)
    world.run(20)
    world.order("r2", CommandKind.PAUSE)
    world.run(4)
    world.order("r2", CommandKind.RESUME)
    world.run(15)
    world.order("r2", CommandKind.ROLLBACK)
    world.run(8)
    assert "RESUMED" in {one.kind for one in world.decisions("r2")}
    decided = [one for one in counted(world.logs.records, KEYRING) if one.evidence is not None]
    assert len(decided) >= 23
    for record in decided:
        again = replayed(world.logs.records, record, world.policy, GATE, KEYRING)
        assert again == [record]
