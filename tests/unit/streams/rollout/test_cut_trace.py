"""Traces cut from a run: they play to the run's decisions, and what is wrong in them is named."""

import dataclasses
from collections.abc import Iterator

import pytest

from schemas.facts import Fact
from schemas.records import AckState, CommandKind, ModelRelease, ReleaseKind
from schemas.topics import MODEL_RELEASES, OTA_ACKS, ROLLOUT_PARTIALS
from streams.rollout.cut_player import CutRun, Look, play_cut
from streams.rollout.cut_recount import recount
from streams.rollout.cut_trace import cut_for, head, read_cut, written
from streams.rollout.trace import TraceError
from streams.rollout.trace_cutting import NoReleaseError
from tests.rollout_cut import cut_of
from tests.rollout_log import GATE, KEYRING, SECOND, follow
from tests.rollout_world import DEMO_POLICY, Fault, Worker, World


@pytest.fixture(scope="module")
def world() -> World:
    """A release by two gates at once, a worker that starts again, orders, and one that waits."""
    bad = Fault(kind="INSTALL_FAILED", strata=("HW3",), share=0.6)
    world = World(seed=3, fleet={"HW3": 80, "HW4": 80}, workers=2, faults={"r1": bad})
    world.propose("r1", 1)
    world.run(5)
    world.propose("r2", 2)
    world.workers = [Worker(world.logs, world.policy, world.workers[0].save()), world.workers[1]]
    world.run(6)
    world.order("r1", CommandKind.RESUME, "HW4")
    world.run(8)
    return world


@pytest.fixture(scope="module")
def cut(world: World) -> list[Fact]:
    return list(cut_of(world.logs.records, "r1", KEYRING))


def unsigned(records: Iterator[ModelRelease | None]) -> list[ModelRelease | None]:
    return [one and dataclasses.replace(one, signature="") for one in records]


def looks(facts: list[Fact]) -> list[Look]:
    return list(play_cut("r1", CutRun.of(facts), DEMO_POLICY))


def test_a_cut_trace_plays_to_the_runs_decisions(world: World, cut: list[Fact]) -> None:
    ran = [one for one in world.decisions("r1") if one.evidence is not None]
    assert len(ran) >= 8
    assert world.book.voids.total() > 0, "two gates must have raced"
    played = looks(cut)
    assert unsigned(one.decided for one in played) == unsigned(iter(ran))
    assert all(one.same for one in played)


def test_every_count_of_the_run_is_what_its_acknowledgements_give(cut: list[Fact]) -> None:
    run = CutRun.of(cut)
    assert len(run.partials) > 100
    assert sum(len(acks) for acks in run.acks.values()) > 60
    assert list(recount("r1", run, DEMO_POLICY)) == []


def test_an_acknowledgement_that_is_missing_is_a_miscount(cut: list[Fact]) -> None:
    acks = [fact for fact in cut if fact.topic == OTA_ACKS.name]
    lost = next(fact for fact in acks if fact.record.state is AckState.INSTALL_FAILED)
    found = list(recount("r1", CutRun.of([one for one in cut if one is not lost]), DEMO_POLICY))
    assert found
    assert f"{OTA_ACKS.name}/{lost.partition} through" in found[0].told()
    assert "counted again" in found[0].told()


def test_a_count_that_was_another_is_seen_in_the_decision(cut: list[Fact]) -> None:
    def forged(fact: Fact) -> Fact:
        if fact.topic != ROLLOUT_PARTIALS.name or not fact.record.failed:
            return fact
        return dataclasses.replace(fact, record=dataclasses.replace(fact.record, failed=0))

    assert not all(one.same for one in looks([forged(fact) for fact in cut]))


def test_another_policy_decides_otherwise(cut: list[Fact]) -> None:
    lenient = DEMO_POLICY.model_copy(update={"ceiling": 0.49})
    played = list(play_cut("r1", CutRun.of(cut), lenient))
    # That HW3 was held is history, which holds HW4 under this policy as well.
    undone = [one.recorded for one in played if one.decided is None]
    assert [(one.kind, one.stratum) for one in undone] == [(ReleaseKind.HELD, "HW3")]


def test_lines_are_read_as_they_were_written(cut: list[Fact]) -> None:
    release, lines = cut_for([head("r1"), *(written(fact) for fact in cut)])
    assert release == "r1"
    assert list(read_cut(lines)) == cut


def test_what_nobody_signed_counts_for_nobody(world: World) -> None:
    records = {source: list(log) for source, log in world.logs.records.items()}
    view = world.book.releases["r1"]
    forged = follow(view.proposal, ReleaseKind.ABORTED, view.next_seq)
    forged = dataclasses.replace(GATE.sign(forged), reason="not what was signed")
    records[MODEL_RELEASES.name, 0].append((world.logs.now + SECOND, forged))
    facts = list(cut_of(records, "r1", KEYRING))
    (last,) = [
        one for one in facts if one.topic == MODEL_RELEASES.name and not one.record.signature
    ]
    assert last.record.reason == "not what was signed"
    assert all(one.recorded.reason != "not what was signed" for one in looks(facts))


def test_a_release_that_is_not_there_is_named(world: World) -> None:
    with pytest.raises(NoReleaseError, match="no proposal of r9; releases there: r1, r2"):
        list(cut_of(world.logs.records, "r9", KEYRING))


def test_counts_that_are_missing_are_named(cut: list[Fact]) -> None:
    partials = [fact for fact in cut if fact.topic == ROLLOUT_PARTIALS.name]
    with pytest.raises(TraceError, match=r"no count at offset .* cut it again"):
        looks([one for one in cut if one not in partials[1:]])


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "line 2: no JSON: .*; cut the trace again"),
        ("{}", "line 2: its keys are at, offset, partition, topic, value"),
        (
            '{"at": -1, "topic": "ota-acks", "partition": 0, "offset": 0, "value": {}}',
            "line 2: at=-1 must be a whole number",
        ),
        (
            '{"at": 1, "topic": "alerts", "partition": 0, "offset": 0, "value": {}}',
            "line 2: topic='alerts' is none of ota-acks",
        ),
        (
            '{"at": 1, "topic": "ota-acks", "partition": 0, "offset": 0, "value": {"no": 1}}',
            "line 2: ota-acks: no: 1: known: event_id",
        ),
    ],
)
def test_what_was_not_cut_is_named(line: str, told: str) -> None:
    with pytest.raises(TraceError, match=told):
        list(read_cut([line]))
