"""Inserts what is missing of a range again: `fleetloop clickhouse replay`."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import pyarrow as pa

from consumers.clickhouse.client import native
from consumers.clickhouse.columns import Target
from consumers.clickhouse.completeness import ReplayRefusedError, Stretch, check_replay, length
from consumers.clickhouse.delivery import Delivery, Job, Outcome
from consumers.clickhouse.lanes import Closed
from consumers.clickhouse.layout import table_name
from consumers.clickhouse.leases import lease
from consumers.clickhouse.logs import survey
from consumers.clickhouse.patience import Patience
from consumers.clickhouse.preparation import Preparation
from consumers.clickhouse.ranges import Range
from consumers.clickhouse.server import Server
from consumers.clickhouse.settling import Repeat
from consumers.clickhouse.startup import check
from infra.clickhouse.presence import Presence, records
from infra.kafka.config import LONGEST_LETTER_BYTES
from infra.kafka.erasures import erasures_of
from infra.kafka.message_columns import MessageColumns, size
from infra.kafka.messages import RawMessage
from infra.kafka.publisher import Publisher
from infra.settings import ClickHouseSettings, Settings, SinkSettings
from schemas.codec import Codec
from schemas.registry import registry_from
from schemas.topics import DEAD_LETTERS, TOPICS


@dataclass(frozen=True, slots=True)
class Mended:
    """What a replay did.

    Attributes:
        rows: Rows inserted.
        letters: Records that became dead letters instead.
        erased: Records that were left out: their device was erased.
    """

    rows: int
    letters: int
    erased: int


class ReplayServer(Server):
    """Inserts under tokens of its own.

    A range that was inserted, deleted by hand and is replayed must not be taken for the first
    insert sent again. The mark is the table's newest block when the replay begins: the same bytes
    sent again, or by a second replay at the same time, have the same token; a later replay has not.
    """

    def __init__(self, settings: ClickHouseSettings, table: str) -> None:
        super().__init__(settings)
        self._mark = f"replay-{lease(self).block(table)}"

    def insert(
        self,
        mapping: Target,
        rows: pa.RecordBatch,
        *,
        token: str,
        deadline_s: int,
        table: str = "",
    ) -> None:
        """As `Server.insert`."""
        marked = f"{self._mark}/{token}"
        super().insert(mapping, rows, token=marked, deadline_s=deadline_s, table=table)


def replay(settings: Settings, wanted: Stretch) -> Mended:
    """Read a range from Kafka and store those of its records that ClickHouse lacks.

    Rollups get the rows too, as they would have from the sink; rows that were deleted by hand must
    be deleted from rollups first. If ClickHouse dies in mid-insert this waits and sends the same
    bytes again; killed while it waits, it may leave rows without their rollups.

    Raises:
        ReplayRefusedError: The sink will store it itself, Kafka no longer holds it, or the topic
            has no such partition.
        ServerError: ClickHouse refuses; GiveUpError: it is silent for too long.
        DeliveryError: A dead letter was not acknowledged.
    """
    topic_id, lacking = _lacking(settings, wanted)
    if not lacking:
        return Mended(0, 0, 0)
    mended = _insert(settings, wanted, topic_id, lacking)
    _, left = _lacking(settings, wanted)
    if left:
        raise ReplayRefusedError(
            f"{wanted}: {length(left)} records are still missing after the replay, first at offset "
            f"{left[0].first}: something deletes rows of {table_name(wanted.topic)}"
        )
    return mended


def _lacking(settings: Settings, wanted: Stretch) -> tuple[str, Sequence[Range]]:
    """The topic's id, and what of the range nothing stands for in ClickHouse."""
    if wanted.topic not in TOPICS:
        raise ReplayRefusedError(f"{wanted}: {wanted.topic} is not one of our topics")
    logs = survey(settings, {wanted.topic, DEAD_LETTERS.name})
    source = wanted.topic, wanted.partition
    if source not in logs:
        raise ReplayRefusedError(f"{wanted}: the topic has no partition {wanted.partition}")
    log = logs[source]
    check_replay(wanted, log.held, log.entry, group=settings.sink.group)
    with native(settings.clickhouse) as client:
        presence = Presence(settings, client, logs)
        runs = presence.rows(wanted.topic).runs.get(wanted.partition, ())
        letters = presence.letters(wanted.topic).get(wanted.partition, ())
        erased = presence.erased(wanted.topic).get(wanted.partition, ())
        lacking, _ = presence.lacking(source, wanted.range, runs, [*letters, *erased])
    return log.topic_id, lacking


def _insert(settings: Settings, wanted: Stretch, topic_id: str, lacking: Sequence[Range]) -> Mended:
    registry = registry_from(settings.registry_url)
    erasures = erasures_of(settings.kafka, Codec(registry), "mend")
    preparation = Preparation(registry, [TOPICS[wanted.topic]], lambda: erasures)
    source = wanted.topic, wanted.partition
    rows = refused = erased = 0
    with ExitStack() as stack:
        server = ReplayServer(settings.clickhouse, table_name(wanted.topic))
        stack.callback(server.close)
        check(server, preparation.mappings.values())
        letters = stack.enter_context(
            Publisher(settings.kafka, Codec(registry), "mend", longest_bytes=LONGEST_LETTER_BYTES)
        )
        patience = Patience(settings.sink.give_up_after_s)
        # Later ranges are stored: a rollup's offsets do not tell whether it holds this one.
        delivery = Delivery(
            server, Repeat(server), preparation, letters, patience, threading.Event()
        )
        for closed in _batches(records(settings.kafka, topic_id, source, lacking), settings.sink):
            job = Job(source, topic_id, closed)
            while delivery.deliver(job, lease(server)) is Outcome.EXPIRED:
                pass  # the process slept past its lease: the same bytes under a new one
            if job.prepared is not None:
                rows += len(job.prepared.messages) - job.unwritable
                refused += len(job.prepared.letters) + job.unwritable
                erased += len(job.prepared.erased)
    return Mended(rows, refused, erased)


def _batches(messages: Iterable[RawMessage], limits: SinkSettings) -> Iterator[Closed]:
    """As large as the sink's; each has the range from its first to its last record."""
    waiting: list[RawMessage] = []
    held = 0
    for message in messages:
        if waiting and (len(waiting) >= limits.max_rows or held >= limits.max_bytes):
            yield Closed.of(MessageColumns.of(waiting))
            waiting, held = [], 0
        waiting.append(message)
        held += size(message)
    if waiting:
        yield Closed.of(MessageColumns.of(waiting))
