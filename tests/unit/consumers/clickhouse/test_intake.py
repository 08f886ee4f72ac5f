"""The polling thread's order of steps: ledger before insert, position after, fenced nothing."""

import threading
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import pytest

from consumers.clickhouse import intake as intake_module
from consumers.clickhouse.delivery import Job, Outcome
from consumers.clickhouse.intake import Intake
from consumers.clickhouse.leases import Lease
from consumers.clickhouse.ledger import Entry, LedgerError, Pending
from consumers.clickhouse.patience import Patience
from consumers.clickhouse.ranges import Range
from infra.kafka.ends import Source
from infra.kafka.errors import CommitRefusedError
from infra.kafka.loop import Committed, Deadline
from infra.kafka.message_columns import MessageColumns
from infra.kafka.messages import RawMessage
from infra.settings import Settings, SinkSettings
from schemas.topics import OTA_ACKS

SOURCE: Source = (OTA_ACKS.name, 0)
OTHER: Source = (OTA_ACKS.name, 1)


class Loop:
    """A group loop that keeps what is committed, or refuses."""

    def __init__(self, log: list[str]) -> None:
        self.topic_ids = {OTA_ACKS.name: "Tx"}
        self.log = log
        self.kept: dict[Source, Committed] = {}
        self.refusal: CommitRefusedError | None = None
        self.paused: set[Source] = set()
        self.begin = 0

    def begin_offsets(self, sources: Iterable[Source]) -> Mapping[Source, int]:
        return dict.fromkeys(sources, self.begin)

    def commit(self, positions: Mapping[Source, Committed]) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.kept |= positions
        for source, at in sorted(positions.items()):
            pending = "pending" if "hi" in at.metadata else "passed"
            self.log.append(f"{pending} {source[1]}@{at.offset}")

    def pause(self, sources: Collection[Source]) -> None:
        self.paused |= set(sources)

    def resume(self, sources: Collection[Source]) -> None:
        self.paused -= set(sources)


class Deliveries:
    """Writes into the log when let; can expire the first lease or fail."""

    def __init__(self, log: list[str]) -> None:
        self.log = log
        self.let = threading.Event()
        self.let.set()
        self.outcomes: list[Outcome] = []
        self.error: Exception | None = None

    def deliver(self, job: Job, lease: Lease) -> Outcome:
        assert self.let.wait(10)
        if self.error is not None:
            raise self.error
        assert lease.deadline_s == 60
        self.log.append(f"insert {job.source[1]}:{job.closed.range}")
        return self.outcomes.pop(0) if self.outcomes else Outcome.WRITTEN


class World:
    """An intake among fakes, with a clock that a test turns."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **limits: Any) -> None:
        self.now = 0.0
        self.log: list[str] = []
        self.loop = Loop(self.log)
        self.delivery = Deliveries(self.log)
        monkeypatch.setattr(intake_module, "lease", lambda _server: Lease(60, {}))
        monkeypatch.setattr(intake_module, "ROOM_WAIT_S", 0.05)
        sink = SinkSettings(max_age_s=0.5, **limits)
        server: Any = object()
        delivery: Any = self.delivery
        self.intake = Intake(
            Settings(sink=sink), server, delivery, Patience(60.0, self.clock), self.clock
        )
        loop: Any = self.loop
        self.intake.loop = loop

    def clock(self) -> float:
        return self.now

    def assign(self, *sources: Source) -> Mapping[Source, int]:
        kept = {source: self.loop.kept.get(source, Committed(None)) for source in sources}
        return self.intake.assigned(kept)

    def send(self, source: Source, first: int, count: int) -> None:
        self.intake.batch(
            source,
            MessageColumns.of(
                [
                    RawMessage(*source, offset, 1_000, b"k", b"v" * 100, ())
                    for offset in range(first, first + count)
                ]
            ),
        )

    def turn(self, seconds: float = 1.0, times: int = 1) -> None:
        for _ in range(times):
            self.now += seconds
            self.intake.idle()
            self.settle()

    def settle(self) -> None:
        """Wait until the pool's threads have done what they can."""
        for flight in list(self.intake._flights.values()):
            if self.delivery.let.is_set():
                flight.done.exception(10)
        asked = self.intake._keeper._asked
        if asked is not None:
            asked.answer.exception(10)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_a_range_is_in_the_ledger_before_it_is_inserted_and_passed_after(world: World) -> None:
    assert world.assign(SOURCE) == {SOURCE: 0}
    world.send(SOURCE, 0, 3)
    world.turn(times=5)
    assert world.log == ["pending 0@0", "insert 0:0-2", "passed 0@3"]
    world.intake.close()


def test_the_commit_of_the_next_range_also_passes_the_one_before(world: World) -> None:
    world.assign(SOURCE)
    world.send(SOURCE, 0, 3)
    world.turn(times=2)
    world.send(SOURCE, 3, 2)
    world.turn(times=4)
    assert world.log == [
        *("pending 0@0", "insert 0:0-2", "pending 0@3", "insert 0:3-4", "passed 0@5")
    ]
    world.intake.close()


def test_a_fenced_member_stops_and_inserts_nothing(world: World) -> None:
    world.assign(SOURCE)
    world.send(SOURCE, 0, 3)
    world.loop.refusal = CommitRefusedError("g", ["ota-acks/0"], "fenced", fenced=True)
    with pytest.raises(CommitRefusedError):
        world.turn(times=3)
    assert world.log == []
    world.intake.close()


def test_a_refusal_during_a_rebalance_is_tried_again_before_anything_is_inserted(
    world: World,
) -> None:
    world.assign(SOURCE)
    world.send(SOURCE, 0, 3)
    world.loop.refusal = CommitRefusedError("g", ["ota-acks/0"], "rebalance", fenced=False)
    world.turn(times=3)
    assert world.log == []
    world.loop.refusal = None
    world.turn(times=2)
    assert world.log[:2] == ["pending 0@0", "insert 0:0-2"]
    world.intake.close()


def test_an_expired_lease_writes_the_same_range_into_the_ledger_again(world: World) -> None:
    world.delivery.outcomes = [Outcome.EXPIRED]
    world.assign(SOURCE)
    world.send(SOURCE, 0, 3)
    world.turn(times=2)
    world.send(SOURCE, 3, 9)
    world.turn(times=4)
    assert world.log[:4] == ["pending 0@0", "insert 0:0-2", "pending 0@0", "insert 0:0-2"]
    world.intake.close()


def test_what_a_dead_sink_began_is_inserted_again_under_the_same_range(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.assign(SOURCE)
    world.send(SOURCE, 0, 3)
    world.turn(times=2)
    heir = World(monkeypatch)
    heir.loop.kept = world.loop.kept
    assert heir.assign(SOURCE) == {SOURCE: 0}
    heir.send(SOURCE, 0, 10)
    heir.turn(times=6)
    assert heir.log[:2] == ["pending 0@0", "insert 0:0-2"]
    assert "insert 0:3-9" in heir.log
    world.intake.close()
    heir.intake.close()


def test_a_revoke_waits_for_the_begun_insert_commits_it_and_drops_the_rest(world: World) -> None:
    world.assign(SOURCE, OTHER)
    world.send(SOURCE, 0, 3)
    world.turn(times=2)
    world.send(SOURCE, 3, 5)
    world.intake.revoked([SOURCE], Deadline(10.0))
    assert world.log == ["pending 0@0", "insert 0:0-2", "passed 0@3"]
    world.turn(times=3)
    assert world.log[3:] == []
    world.intake.close()


def test_lost_partitions_commit_nothing(world: World) -> None:
    world.assign(SOURCE)
    world.send(SOURCE, 0, 3)
    world.turn(times=2)
    world.intake.lost([SOURCE])
    world.turn(times=3)
    assert world.log == ["pending 0@0", "insert 0:0-2"]
    world.intake.close()


def test_an_error_of_a_writer_ends_the_sink_and_nothing_is_passed(world: World) -> None:
    world.delivery.error = LedgerError("torn")
    world.assign(SOURCE)
    world.send(SOURCE, 0, 3)
    with pytest.raises(LedgerError, match="torn"):
        world.turn(times=4)
    assert world.log == ["pending 0@0"]
    world.intake.close()


def test_above_the_memory_limit_partitions_are_paused_and_resumed_below_half(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, max_memory_bytes=5_000)
    world.delivery.let.clear()
    world.assign(SOURCE, OTHER)
    world.send(SOURCE, 0, 30)
    world.turn(times=3)
    assert world.loop.paused == {SOURCE, OTHER}
    world.delivery.let.set()
    world.settle()
    world.turn(times=2)
    assert world.loop.paused == set()
    world.intake.close()


def test_for_writers_that_are_about_to_make_room_it_waits_and_pauses_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, max_memory_bytes=5_000)
    monkeypatch.setattr(intake_module, "ROOM_WAIT_S", 10.0)
    world.assign(SOURCE)
    world.send(SOURCE, 0, 3)
    world.turn(times=2)  # there is a lease
    world.delivery.let.clear()
    world.send(SOURCE, 3, 30)
    threading.Timer(0.05, world.delivery.let.set).start()
    world.turn()
    assert "insert 0:3-32" in world.log
    assert world.loop.paused == set()
    world.intake.close()


def test_a_partition_that_leaves_while_paused_is_resumed_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The library keeps a partition paused over a new assignment (seen): it would stay silent."""
    world = World(monkeypatch, max_memory_bytes=5_000)
    world.delivery.let.clear()
    world.assign(SOURCE, OTHER)
    world.send(SOURCE, 0, 30)
    world.turn(times=3)
    assert world.loop.paused == {SOURCE, OTHER}
    world.delivery.let.set()
    world.intake.revoked([SOURCE], Deadline(10.0))
    assert world.loop.paused == {OTHER}
    world.intake.lost([OTHER])
    assert world.loop.paused == set()
    world.intake.close()


def test_a_log_that_begins_later_than_the_ledger_is_an_error_unless_gaps_are_accepted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.loop.kept[SOURCE] = Committed(5, "")
    world.loop.begin = 9
    with pytest.raises(LedgerError, match=r"ota-acks/0: offsets 5-8 .* FLEETLOOP_SINK__ACCEPT_GAP"):
        world.assign(SOURCE)
    lenient = World(monkeypatch, accept_gaps=True)
    lenient.loop.kept[SOURCE] = Committed(5, "")
    lenient.loop.begin = 9
    assert lenient.assign(SOURCE) == {SOURCE: 9}
    world.intake.close()
    lenient.intake.close()


def test_a_hole_is_lost_records_only_where_the_log_begins_behind_it(world: World) -> None:
    world.loop.kept[SOURCE] = Committed(5, "")
    world.assign(SOURCE)
    world.send(SOURCE, 7, 3)  # markers of transactions, or compaction
    world.turn(times=3)
    assert "insert 0:7-9" in world.log
    world.loop.begin = 15
    with pytest.raises(LedgerError, match=r"offsets 10-14 are missing: retention took them"):
        world.send(SOURCE, 20, 1)
    world.intake.close()


@pytest.mark.parametrize(
    ("begin", "inserted"),
    [(2, ["insert 0:0-4", "insert 0:5-9"]), (7, ["insert 0:7-9"])],
    ids=["part of it is left", "nothing of it is left"],
)
def test_accepting_gaps_goes_on_with_what_retention_left_of_a_pending_range(
    monkeypatch: pytest.MonkeyPatch, begin: int, inserted: list[str]
) -> None:
    world = World(monkeypatch, accept_gaps=True)
    pending = Entry("Tx", 0, Pending(Range(0, 4), 5, 0))
    world.loop.kept[SOURCE] = Committed(0, pending.metadata())
    world.loop.begin = begin
    assert world.assign(SOURCE) == {SOURCE: begin}
    world.send(SOURCE, begin, 10 - begin)
    world.turn(times=6)
    assert [line for line in world.log if line.startswith("insert")] == inserted
    world.intake.close()
