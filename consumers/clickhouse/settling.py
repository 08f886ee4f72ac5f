"""What to do when nobody knows whether an insert was stored: look, and store only what lacks.

A server without replication writes a part and the memory of its token one after the other. Killed
between the two it either forgets a part it has, or remembers one it has not; and a view changed by
ALTER gives its blocks other tokens after a restart. So after a failed insert the token decides
nothing: what is stored does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import pyarrow as pa

from consumers.clickhouse.columns import Target
from consumers.clickhouse.faults import Fault
from consumers.clickhouse.ranges import Range
from consumers.clickhouse.rollups import OFFSETS, Rollup
from consumers.clickhouse.server import Server, ServerError, query_id

_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows of one topic partition and one table partition, in log order.

    Attributes:
        offsets: From the first to the last row's.
        stamps_us: Smallest and largest ingest time, UTC microseconds.
        token: Deduplication token.
    """

    mapping: Target
    rows: pa.RecordBatch
    topic_id: str
    partition: int
    offsets: Range
    stamps_us: tuple[int, int]
    token: str

    @property
    def key(self) -> str:
        """Its key in a rollup's `OFFSETS`."""
        return f"{self.topic_id}/{self.partition}"


class Settling(Protocol):
    """How an insert that may or may not be stored is brought to an end.

    Attributes:
        trusts_tokens: A range older than the deduplication window must not be settled.
    """

    trusts_tokens: bool

    def settle(self, batch: Batch, deadline_s: int) -> None:
        """Afterwards the batch is in its table and in every rollup once. Raises ServerError."""


class Repeat:
    """Where part and token are one transaction (replicated tables): send it again."""

    trusts_tokens = True

    def __init__(self, server: Server) -> None:
        self._server = server

    def settle(self, batch: Batch, deadline_s: int) -> None:
        """Send the same bytes under the same token."""
        self._server.insert(batch.mapping, batch.rows, token=batch.token, deadline_s=deadline_s)


class Inspect:
    """Where they are not: look what is stored.

    Sound because one batch is one block and one part of its table, the table's part is committed
    before its views see the block, and the ranges of a topic partition are stored in log order: a
    rollup that holds an offset as high as the view's highest holds the batch.

    Args:
        server: ClickHouse.
        rollups: By source table.
    """

    trusts_tokens = False

    def __init__(self, server: Server, rollups: Mapping[str, Sequence[Rollup]]) -> None:
        self._server = server
        self._rollups = rollups

    def settle(self, batch: Batch, deadline_s: int) -> None:
        """Store what is not stored, in the table and in each rollup.

        Raises:
            ServerError: ClickHouse does not answer, or refuses what a rollup needs.
        """
        self._refuse_while_running(batch)
        if not self._stored(batch):
            self._server.insert(batch.mapping, batch.rows, token=batch.token, deadline_s=deadline_s)
            if not self._stored(batch):
                self._attach(batch, deadline_s)
        for rollup in self._rollups.get(batch.mapping.table, ()):
            self._fill(rollup, batch, deadline_s)

    def _refuse_while_running(self, batch: Batch) -> None:
        ((running,),) = self._server.ask(
            "SELECT count() FROM system.processes WHERE query_id = {id:String}",
            id=query_id(batch.token),
        )
        if int(running):
            raise ServerError(
                f"an earlier insert of range {batch.offsets} into {batch.mapping.table} still runs",
                Fault.WAIT,
            )

    def _stored(self, batch: Batch) -> bool:
        ((rows,),) = self._server.ask(f"SELECT count() FROM ({_rows_of(batch)})")  # noqa: S608 - see _rows_of
        return int(rows) > 0

    def _attach(self, batch: Batch, deadline_s: int) -> None:
        """The token is remembered, the part is not there, the views have seen it: add rows alone.

        A part moved in from another table passes by tokens and views.
        """
        table = batch.mapping.table
        scratch = f"_settling_{query_id(batch.token)}"
        self._server.run(f"DROP TABLE IF EXISTS {scratch} SYNC")
        self._server.run(f"CREATE TABLE {scratch} AS {table}")
        try:
            self._server.insert(
                batch.mapping, batch.rows, token=batch.token, deadline_s=deadline_s, table=scratch
            )
            ((part,),) = self._server.ask(f"SELECT DISTINCT _partition_id FROM {scratch}")  # noqa: S608 - our own name
            self._server.run(f"ALTER TABLE {table} ATTACH PARTITION ID '{part}' FROM {scratch}")
        finally:
            self._server.run(f"DROP TABLE IF EXISTS {scratch} SYNC")

    def _fill(self, rollup: Rollup, batch: Batch, deadline_s: int) -> None:
        for attempt in range(_ATTEMPTS):
            if rollup.keeps_offsets and self._holds(rollup, batch):
                return
            try:
                self._server.run(
                    _fill_statement(self._server.database, rollup, batch, deadline_s),
                    token=f"{batch.token}/{rollup.view}/{attempt}",
                )
            except ServerError as error:
                if error.fault is not Fault.ROW:
                    raise
                raise ServerError(
                    f"rows {batch.offsets} are stored in {rollup.source}, and view {rollup.view} "
                    f"refuses them: {error}. Correct the view, then start the sink again",
                    Fault.STOP,
                ) from error
            if not rollup.keeps_offsets:
                return
        if not self._holds(rollup, batch):
            raise ServerError(
                f"rollup {rollup.target} does not take rows {batch.offsets} of {rollup.source}: "
                "something deletes from it; start the sink again when that has ended",
                Fault.STOP,
            )

    def _holds(self, rollup: Rollup, batch: Batch) -> bool:
        held_of = f"maxOrNullIf({OFFSETS}[{{key:String}}], mapContains({OFFSETS}, {{key:String}}))"
        key = f"ifNull({held_of}, -1)"
        ((wanted, held),) = self._server.ask(
            f"SELECT (SELECT {key} FROM ({_view(self._server.database, rollup, batch)})), "  # noqa: S608 - our own names
            f"(SELECT {key} FROM {rollup.target})",
            key=batch.key,
        )
        return int(held) >= int(wanted)


def _rows_of(batch: Batch, database: str = "") -> str:
    """The stored rows of a batch; ingest time prunes the parts."""
    first, last = batch.stamps_us
    table = f"{database}.{batch.mapping.table}" if database else batch.mapping.table
    topic_id = batch.topic_id.replace("\\", "\\\\").replace("'", "\\'")
    return (
        f"SELECT * FROM {table} WHERE _topic_id = '{topic_id}' "  # noqa: S608 - numbers, our own names, a quoted id
        f"AND _partition = {batch.partition} "
        f"AND _offset BETWEEN {batch.offsets.first} AND {batch.offsets.last} "
        f"AND _ingested_at BETWEEN fromUnixTimestamp64Micro({first}, 'UTC') "
        f"AND fromUnixTimestamp64Micro({last}, 'UTC')"
    )


def _view(database: str, rollup: Rollup, batch: Batch) -> str:
    """What the view gives for a batch."""
    rows = _rows_of(batch, database)
    return f"WITH {rollup.source} AS ({rows}) SELECT * FROM ({rollup.select})"  # noqa: S608 - see _rows_of


def _fill_statement(database: str, rollup: Rollup, batch: Batch, deadline_s: int) -> str:
    names = ", ".join(f"`{name}`" for name in rollup.columns)
    return (
        f"INSERT INTO {rollup.target} ({names}) SELECT {names} "  # noqa: S608 - our own names
        f"FROM ({_view(database, rollup, batch)}) "
        f"WHERE throwIf(nowInBlock() > toDateTime({deadline_s}), 'lease expired') = 0"
    )
