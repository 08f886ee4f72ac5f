"""The sink's polling thread: lanes, ledger and flights, between the group loop and the writers."""

import logging
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Final

from consumers.clickhouse.delivery import Delivery, Job, Outcome
from consumers.clickhouse.lanes import CloseRule, Lane, gone
from consumers.clickhouse.layout import table_name
from consumers.clickhouse.lease_keeper import LeaseKeeper
from consumers.clickhouse.leases import Lease, lease
from consumers.clickhouse.ledger import Entry, agree, read_entry
from consumers.clickhouse.letter_limits import LetterLimits, LetterRule
from consumers.clickhouse.metrics import METRICS
from consumers.clickhouse.patience import Patience
from consumers.clickhouse.server import Server
from infra.kafka.ends import Source
from infra.kafka.errors import CommitRefusedError
from infra.kafka.loop import Committed, Deadline, GroupLoop
from infra.kafka.message_columns import MessageColumns
from infra.settings import Settings, SinkSettings
from schemas.topics import TOPICS, Cleanup

# Positions without a new range behind them are committed this often.
POSITION_INTERVAL_S: Final = 1.0
# How long the polling thread waits for writers to make room before it pauses partitions: the client
# throws away what it has fetched of a paused one, and asks the broker for it again.
ROOM_WAIT_S: Final = 1.0

logger = logging.getLogger("fleetloop.sink")


@dataclass(slots=True)
class _Flight:
    """A job in a writer's hands."""

    lane: Lane
    job: Job
    done: "Future[Outcome]"


class Intake:
    """What the group loop hands its messages to; all methods belong to the polling thread.

    Args:
        settings: Whole settings, for the limits and what a new topic means.
        server: Where leases are asked for.
        delivery: Writes closed batches, in the pool's threads.
        patience: How long ClickHouse may be silent.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        settings: Settings,
        server: Server,
        delivery: Delivery,
        patience: Patience,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._limits: SinkSettings = settings.sink
        self._delivery = delivery
        self._clock = clock
        self._rule = CloseRule(
            rows=self._limits.max_rows, bytes=self._limits.max_bytes, age_s=self._limits.max_age_s
        )
        self._letter_rule = LetterRule(self._limits.max_letter_run, self._limits.max_letter_share)
        self._pool = ThreadPoolExecutor(self._limits.writers + 1, "sink-writer")
        self._lanes: dict[Source, Lane] = {}
        self._letters: dict[Source, LetterLimits] = {}
        self._closing: dict[Source, Job] = {}  # closed, not yet in the ledger
        self._flights: dict[Source, _Flight] = {}
        self._moved: dict[Source, Lane] = {}  # written, position not yet committed
        self._paused: set[Source] = set()
        self._keeper = LeaseKeeper(lambda: lease(server), self._pool, patience)
        self._committed_at_s = 0.0
        self._loop: GroupLoop | None = None

    @property
    def loop(self) -> GroupLoop:
        """The loop that calls this sink; set once before it runs."""
        if self._loop is None:
            raise RuntimeError("the sink's loop is set before it runs")
        return self._loop

    @loop.setter
    def loop(self, loop: GroupLoop) -> None:
        self._loop = loop

    def assigned(self, committed: Mapping[Source, Committed]) -> Mapping[Source, int]:
        """Go on where the ledger says; a pending range is read again first.

        Raises:
            LedgerError: The ledger is of another log or not this sink's, or the log lost records.
        """
        begins = self.loop.begin_offsets(committed)
        for source, at in committed.items():
            self._lanes[source] = self._lane(source, at, begins[source])
            self._letters[source] = LetterLimits(self._lanes[source].where, self._letter_rule)
        return {source: max(self._lanes[source].position, begins[source]) for source in committed}

    def batch(self, source: Source, messages: MessageColumns) -> None:
        """Collect; raises LedgerError where retention took offsets before they were read."""
        lane = self._lanes[source]
        hole = lane.hole(messages)
        if hole is not None and not self._limits.accept_gaps:
            begin = self.loop.begin_offsets([source])[source]
            if begin > hole.first:
                raise gone(lane.where, hole.first, min(hole.last, begin - 1))
        lane.take(messages, self._clock())

    def idle(self) -> None:
        """One turn: take back what is written, write the ledger, hand on what is due."""
        self._step()
        deadline = Deadline(ROOM_WAIT_S)
        while self._full() and self._flights and not self._paused and deadline.left():
            running = [flight.done for flight in self._flights.values()]
            wait(running, deadline.left(), FIRST_COMPLETED)
            self._step()
        self._balance()

    def _step(self) -> None:
        now = self._clock()
        self._land()
        self._close_due(now)
        self._write_ledger(now)

    def revoked(self, sources: Collection[Source], deadline: Deadline) -> None:
        """Wait for begun inserts, commit what is written, drop the rest."""
        running = [self._flights[source].done for source in sources if source in self._flights]
        wait(running, timeout=deadline.left())
        self._land()
        passed = {s: self._moved[s].passed() for s in sources if s in self._moved}
        if passed:
            self._commit(passed)
        self._drop(sources)

    def lost(self, sources: Collection[Source]) -> None:
        """Someone else owns them: drop everything, commit nothing."""
        self._drop(sources)

    def close(self) -> None:
        """Let the writers' threads go."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _lane(self, source: Source, at: Committed, begin: int) -> Lane:
        topic, partition = source
        where = f"group {self._limits.group}, {topic}/{partition}"
        topic_id = self.loop.topic_ids[topic]
        fresh = at.offset is None
        entry = Entry(topic_id, begin)
        if at.offset is not None:
            told = read_entry(topic_id, at.offset, at.metadata, where=where)
            entry = agree(told, topic_id, adopt=self._settings.adopt_new_topic, where=where)
            fresh = entry is not told
        if entry.position < begin:
            if not (fresh or self._limits.accept_gaps):
                raise gone(where, entry.position, begin - 1)
            if entry.pending is None or entry.pending.range.last < begin:
                entry = Entry(topic_id, begin)
        if entry.pending is not None:
            METRICS.replayed_ranges.inc()
            logger.info("%s: range %s is inserted again", where, entry.pending.range)
        return Lane(
            where,
            entry,
            self._rule,
            fresh=fresh,
            sparse=TOPICS[topic].cleanup is Cleanup.COMPACT,
            accept_gaps=self._limits.accept_gaps,
        )

    def _land(self) -> None:
        """Take back what the writers are done with; their exceptions end the sink."""
        for source, flight in list(self._flights.items()):
            if not flight.done.done():
                continue
            del self._flights[source]
            outcome = flight.done.result()
            if outcome is Outcome.WRITTEN:
                if flight.job.prepared is not None:
                    METRICS.tombstones.labels(source[0]).inc(flight.job.prepared.tombstones)
                flight.lane.written()
                self._moved[source] = flight.lane
            elif outcome is Outcome.EXPIRED:
                METRICS.leases_expired.inc()
                self._keeper.forget()
                self._closing[source] = flight.job

    def _close_due(self, now: float) -> None:
        room = 2 * self._limits.writers - len(self._flights) - len(self._closing)
        due = [
            (lane.since_s, source)
            for source, lane in self._lanes.items()
            if source not in self._flights and source not in self._closing and lane.due(now)
        ]
        for _, source in sorted(due)[: max(0, room)]:
            lane = self._lanes[source]
            replayed = lane.replaying
            self._closing[source] = Job(
                source, lane.topic_id, lane.close(now), replayed, self._letters[source]
            )

    def _write_ledger(self, now: float) -> None:
        """One commit: new ranges become pending, written ones are passed; then writing begins."""
        held = self._keeper.current(now, wanted=bool(self._closing))
        begun = dict(self._closing) if held is not None else {}
        if not begun and (not self._moved or now - self._committed_at_s < POSITION_INTERVAL_S):
            return
        entries = {source: lane.passed() for source, lane in self._moved.items()}
        if held is not None:
            for source in begun:
                entries[source] = self._lanes[source].begin(held.block(self._table(source)))
        if not self._commit(entries):
            return
        self._committed_at_s = now
        self._moved.clear()
        if held is not None:
            self._begin(begun, held)

    def _begin(self, begun: Mapping[Source, Job], held: Lease) -> None:
        for source, job in begun.items():
            del self._closing[source]
            done = self._pool.submit(self._delivery.deliver, job, held)
            self._flights[source] = _Flight(self._lanes[source], job, done)

    def _commit(self, entries: Mapping[Source, Entry]) -> bool:
        """Whether the ledger took it; a refusal by a group that still has us is tried again.

        Raises:
            CommitRefusedError: The group has fenced this member.
        """
        positions = {
            source: Committed(entry.position, entry.metadata()) for source, entry in entries.items()
        }
        try:
            self.loop.commit(positions)
        except CommitRefusedError as error:
            if error.fenced:
                raise
            logger.warning("ledger: %s", error)
            return False
        return True

    def _balance(self) -> None:
        """Above the memory limit take no more, below half of it take again; polling goes on.

        A lane that still waits for the rest of a pending range is never paused: nothing else
        would free its bytes.
        """
        METRICS.waiting_bytes.set(self._held())
        if self._full():
            full = {s for s, lane in self._lanes.items() if lane.closed or not lane.replaying}
            if fresh := full - self._paused:
                self.loop.pause(fresh)
                self._paused |= fresh
        elif self._paused and self._held() < self._limits.max_memory_bytes // 2:
            self.loop.resume(self._paused)
            self._paused.clear()
        METRICS.paused.set(bool(self._paused))

    def _full(self) -> bool:
        return self._held() >= self._limits.max_memory_bytes

    def _held(self) -> int:
        return sum(lane.bytes for lane in self._lanes.values())

    def _drop(self, sources: Collection[Source]) -> None:
        for source in sources:
            self._lanes.pop(source, None)
            self._letters.pop(source, None)
            self._closing.pop(source, None)
            self._flights.pop(source, None)
            self._moved.pop(source, None)
        # The library keeps a partition paused until it is resumed, also over a new assignment.
        if paused := self._paused.intersection(sources):
            self.loop.resume(paused)
            self._paused -= paused

    def _table(self, source: Source) -> str:
        return table_name(source[0])
