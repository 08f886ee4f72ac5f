"""One closed batch all the way: dead letters first, then its rows, under one token and a lease."""

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol, TypeVar

from consumers.clickhouse.faults import Fault
from consumers.clickhouse.forgetting import PLACES, places
from consumers.clickhouse.lanes import Closed
from consumers.clickhouse.leases import Lease, check_replay, in_window
from consumers.clickhouse.ledger import Pending, token
from consumers.clickhouse.letter_limits import LetterLimits
from consumers.clickhouse.metrics import METRICS
from consumers.clickhouse.patience import Patience
from consumers.clickhouse.preparation import Preparation
from consumers.clickhouse.prepared import Prepared
from consumers.clickhouse.ranges import Range
from consumers.clickhouse.server import Server, ServerError
from consumers.clickhouse.settling import Batch, Settling
from infra.kafka.dead_letters import unwritable
from infra.kafka.ends import Source
from schemas.http_registry import RegistryUnavailableError
from schemas.records import DeadLetter
from schemas.topics import DEAD_LETTERS, TopicSpec

FIRST_WAIT_S: Final = 0.1
# A question a second costs a server that is away nothing; a longer wait is backlog afterwards.
LONGEST_WAIT_S: Final = 1.0
# Refused rows of one batch that are taken for bad rows.
UNWRITABLE_LIMIT: Final = 100

Result = TypeVar("Result")

logger = logging.getLogger("fleetloop.sink")


class Outcome(StrEnum):
    """How a delivery ended."""

    WRITTEN = "WRITTEN"
    EXPIRED = "EXPIRED"  # the lease ran out: write the range into the ledger again, then deliver
    STOPPED = "STOPPED"  # the sink stops: the range stays pending


class LetterBox(Protocol):
    """What publishes dead letters: `infra.kafka.publisher.Publisher`."""

    def publish(self, topic: TopicSpec, record: DeadLetter) -> None:
        """Queue one letter."""

    def flush(self) -> None:
        """Wait until all queued letters are acknowledged; raises DeliveryError."""


@dataclass(slots=True)
class Job:
    """A closed batch on its way.

    Attributes:
        replayed: The ledger's pending range when this is one begun before.
        prepared: Rows and letters, once made; sent again they are the same bytes.
        letters_out: The letters are acknowledged.
        unwritable: Rows of it that ClickHouse refused in this attempt.
        letter_limits: Those of its partition; None for a replay by hand.
        doubtful: Some of it may be stored already: it was begun before, or an insert failed.
    """

    source: Source
    topic_id: str
    closed: Closed
    replayed: Pending | None = None
    letter_limits: LetterLimits | None = None
    prepared: Prepared | None = None
    letters_out: bool = False
    unwritable: int = 0
    doubtful: bool = False

    def __post_init__(self) -> None:
        self.doubtful = self.doubtful or self.replayed is not None


class Delivery:
    """Delivers jobs; several threads may call it at once, each with a job of its own.

    Args:
        settling: How an insert that may or may not be stored is ended.
        stopping: Set when waiting no longer makes sense.
    """

    def __init__(
        self,
        server: Server,
        settling: Settling,
        preparation: Preparation,
        letters: LetterBox,
        patience: Patience,
        stopping: threading.Event,
    ) -> None:
        self._server = server
        self._settling = settling
        self._preparation = preparation
        self._letters = letters
        self._posting = threading.Lock()
        self._patience = patience
        self._stopping = stopping
        self._random = random.Random()

    def deliver(self, job: Job, lease: Lease) -> Outcome:
        """Publish the letters, then insert the rows.

        Raises:
            DeliveryError: A letter was not acknowledged.
            LedgerError: A replayed range is older than the deduplication window.
            ServerError: ClickHouse refuses, and neither waiting nor splitting helps.
            GiveUpError: It is silent for too long.
            TooManyLettersError: The partition has more bad records than its limits.
        """
        try:
            prepared = job.prepared = job.prepared or self._prepared(job)
            job.unwritable = 0
            if not job.letters_out:
                self._judge_letters(job, prepared.letters)
                self._post(prepared.letters)
                job.letters_out = True
            self._note_erased(job, prepared, lease)
            self._check_window(job, lease)
            self._insert(job, prepared, lease)
        except _StoppedError:
            return Outcome.STOPPED
        except ServerError as error:
            if error.fault is not Fault.LEASE:
                raise
            return Outcome.EXPIRED
        return Outcome.WRITTEN

    def _prepared(self, job: Job) -> Prepared:
        topic, partition = job.source
        return self._patiently(
            lambda: self._preparation.prepare(topic, partition, job.topic_id, job.closed)
        )

    def _judge_letters(self, job: Job, letters: Sequence[DeadLetter]) -> None:
        """Before any is published: a partition that turned bad stops the sink instead."""
        if job.letter_limits is not None:
            bad = {letter.offset for letter in letters}
            job.letter_limits.judge(job.closed, bad, letters[-1].reason if letters else "")

    def _post(self, letters: Sequence[DeadLetter]) -> None:
        """The range is committed past only after the letters are safe.

        One thread at a time: a flush tells of every failure since the last one, so another's
        flush would take the failure of these letters with it.
        """
        if not letters:
            return
        with self._posting:
            for letter in letters:
                self._letters.publish(DEAD_LETTERS, letter)
            self._letters.flush()
        for letter in letters:
            METRICS.dead_letters.labels(letter.topic, letter.error_class).inc()

    def _note_erased(self, job: Job, prepared: Prepared, lease: Lease) -> None:
        """Before the range can pass: what is not stored would else look lost.

        Their number belongs to the token: a later attempt may know of more, never of less.
        """
        if not prepared.erased:
            return
        topic, partition = job.source
        rows = places(topic, job.topic_id, partition, prepared)
        mark = token(job.topic_id, partition, job.closed.range, PLACES.table)
        mark = f"{mark}/{len(prepared.erased)}"
        self._patiently(
            lambda: self._server.insert(PLACES, rows, token=mark, deadline_s=lease.deadline_s)
        )
        METRICS.erased.labels(topic).inc(len(prepared.erased))

    def _check_window(self, job: Job, lease: Lease) -> None:
        topic, partition = job.source
        table = self._preparation.mappings[topic].table
        pending = job.replayed
        if (
            pending is None
            or not self._settling.trusts_tokens
            or in_window(pending, lease.block(table))
        ):
            return
        self._patiently(lambda: check_replay(self._server, table, job.topic_id, partition, pending))

    def _insert(self, job: Job, prepared: Prepared, lease: Lease) -> None:
        """One insert for each day of ingest: a table partition, so that it is one part or none.

        Days with the lower last offset first, as `settling` wants a topic partition's rows.
        """
        days = prepared.by_day()
        for part in days:
            whole = len(days) == 1
            offsets = job.closed.range if whole else part.offsets()
            self._insert_part(job, part, offsets, lease)

    def _insert_part(self, job: Job, part: Prepared, offsets: Range, lease: Lease) -> None:
        batch = self._batch(job, part, offsets)
        started = time.monotonic()
        try:
            self._patiently(lambda: self._store(job, batch, lease))
        except ServerError as error:
            if error.fault is not Fault.ROW:
                raise
            self._around_bad_row(job, part, offsets, lease, error)
            return
        METRICS.insert_seconds.observe(time.monotonic() - started)
        METRICS.rows.labels(job.source[0]).inc(len(part.messages))

    def _batch(self, job: Job, part: Prepared, offsets: Range) -> Batch:
        topic, partition = job.source
        mapping = self._preparation.mappings[topic]
        return Batch(
            mapping=mapping,
            rows=part.rows,
            topic_id=job.topic_id,
            partition=partition,
            offsets=part.offsets(),
            stamps_us=part.stamps_us(),
            token=token(job.topic_id, partition, offsets, mapping.table),
        )

    def _store(self, job: Job, batch: Batch, lease: Lease) -> None:
        if job.doubtful:
            self._settling.settle(batch, lease.deadline_s)
            return
        try:
            self._server.insert(
                batch.mapping, batch.rows, token=batch.token, deadline_s=lease.deadline_s
            )
        except ServerError:
            job.doubtful = True
            raise

    def _around_bad_row(
        self, job: Job, part: Prepared, offsets: Range, lease: Lease, error: ServerError
    ) -> None:
        """Halve until the row stands alone; each half is a range with a token of its own."""
        middle = len(part.messages) // 2
        if middle:
            cut = int(part.messages.offsets[middle])
            self._insert_part(job, part.slice(0, middle), Range(offsets.first, cut - 1), lease)
            self._insert_part(job, part.slice(middle), Range(cut, offsets.last), lease)
            return
        job.unwritable += 1
        if job.unwritable > UNWRITABLE_LIMIT:
            raise ServerError(
                f"{job.source[0]}/{job.source[1]}: more than {UNWRITABLE_LIMIT} rows of range "
                f"{job.closed.range} are refused, so the table is at fault, not the rows: {error}",
                Fault.STOP,
            ) from error
        self._post([unwritable(part.messages[0], job.topic_id, str(error))])

    def _patiently(self, action: Callable[[], Result]) -> Result:
        """Do it, and again after a pause while the fault is one that passes."""
        wait = FIRST_WAIT_S
        while True:
            try:
                result = action()
            except (ServerError, RegistryUnavailableError) as error:
                if isinstance(error, ServerError) and error.fault is not Fault.WAIT:
                    raise
                METRICS.insert_retries.inc()
                self._patience.failed(error)
                if wait < LONGEST_WAIT_S:  # an outage of an hour is no news every second
                    logger.warning("insert waits: %s", error)
            else:
                self._patience.answered()
                return result
            if self._stopping.wait(wait * self._random.uniform(0.5, 1.0)):
                raise _StoppedError
            wait = min(LONGEST_WAIT_S, wait * 2)


class _StoppedError(Exception):
    """The sink stops while an insert waits."""
